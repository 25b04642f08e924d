import { aimd } from './aimd.ts';
import { dispatchBudget } from './dispatch-budget.ts';
import { gradient2 } from './gradient2.ts';
import { nativeDeadLetters } from './native-dead-letters.ts';
import { noProcessor } from './no-processor.ts';
import type { CreatePeer } from './peer.ts';
import { saturationGate } from './saturation-gate.ts';
import { staticLimit } from './static-limit.ts';

/** Other ways to take what is left, by what they are called in reports. */
export const peers = {
  'no processor, a burst': noProcessor,
  'dead letters after 5 nacks': nativeDeadLetters,
  'static limit of 16': staticLimit,
  'llm-d-async, budget': dispatchBudget,
  'llm-d-async, gate': saturationGate,
  'AIMD on 429': aimd,
  Gradient2: gradient2,
} as const satisfies Readonly<Record<string, CreatePeer>>;

export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as PeerName[];
