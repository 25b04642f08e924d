import type { Escalation, GateReason, GateVerdict } from './verdict.ts';

/** How urgent a message is, and whether it may be escalated at all now. */
export interface Urgency extends Omit<Escalation, 'heldBy'> {
  /** There is an objective for it, and the pool has a place for one more such call. */
  readonly mayEscalate: boolean;
}

/** What no objective and no room helps against: the path or a topic is out, or a retry's time has not come. */
const holdsAll: readonly GateReason[] = ['breaker', 'too-early'];

/** Whether room in the pool would let the message go. */
export function waitsForRoom(reason: GateReason): boolean {
  return !holdsAll.includes(reason);
}

/** The verdict on a message that may be urgent: one that would miss its deadline at the pace of others goes at once, past gate and limit. */
export function escalated(verdict: GateVerdict, { leftMs, neededMs, mayEscalate }: Urgency): GateVerdict {
  if (!mayEscalate || leftMs >= neededMs || !waitsForRoom(verdict.reason)) return verdict;
  return { action: 'dispatch', reason: 'free', escalation: { leftMs, neededMs, heldBy: verdict.reason } };
}
