import { setTimeout as delay } from 'node:timers/promises';
import { objectiveHeaders } from '../../../../shared/inference-gateway/header-names.ts';
import { apiRoutes } from '../../../../shared/openai/api-routes.ts';
import type { TurnTimes } from '../summary/ttft-figures.ts';
import { chatPrompts, systemPrompt } from './chat-prompts.ts';

/** A user of the stack, and where its chat goes. */
export interface ChatUser {
  readonly gatewayUrl: string;
  readonly model: string;
  /** From 0: decides when the user comes, and with which prompt it begins. */
  readonly seat: number;
  /** Called as the turn begins; what it gives is called with the turn's times, or with undefined for a turn that failed. */
  readonly beginTurn: () => (times: TurnTimes | undefined) => void;
  readonly signal: AbortSignal;
}

const maxTokens = 120;
const thinkingMs = 400;
/** Users come one after another, not all at once. */
const arrivalMs = 130;

/** One user: asks, reads the stream to its end, thinks, and asks again until `signal` ends it. */
export async function chat({ gatewayUrl, model, seat, beginTurn, signal }: ChatUser): Promise<void> {
  await delay(seat * arrivalMs, undefined, { signal }).catch(() => {});
  for (let turn = seat; !signal.aborted; turn += 1) {
    const endTurn = beginTurn();
    const times = await askOnce(gatewayUrl, model, turn, signal).catch(() => undefined);
    if (signal.aborted) return;
    endTurn(times);
    await delay(thinkingMs + (turn % 5) * 100, undefined, { signal }).catch(() => {});
  }
}

/** From sending the request to its last token. @throws {Error} without one */
async function askOnce(gatewayUrl: string, model: string, turn: number, signal: AbortSignal): Promise<TurnTimes> {
  const sentAtMs = performance.now();
  const response = await fetch(`${gatewayUrl}${apiRoutes.chatCompletions.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [objectiveHeaders[0]]: 'interactive' },
    body: JSON.stringify({
      model,
      stream: true,
      max_tokens: maxTokens,
      messages: [
        { role: 'system', content: systemPrompt },
        { role: 'user', content: chatPrompts[turn % chatPrompts.length] },
      ],
    }),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`the gateway answered ${response.status}`);
  let [firstAtMs, lastAtMs] = [0, 0];
  let tokens = 0;
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    // The first event of a chat names the role and has no text yet.
    const withText = lines.filter((line) => /"(content|text)":\s*"[^"]/.test(line)).length;
    if (withText === 0) continue;
    lastAtMs = performance.now();
    if (tokens === 0) firstAtMs = lastAtMs;
    tokens += withText;
  }
  if (tokens === 0) throw new Error('the stream held no token');
  return { ttftMs: firstAtMs - sentAtMs, tpotMs: (lastAtMs - firstAtMs) / Math.max(1, tokens - 1) };
}
