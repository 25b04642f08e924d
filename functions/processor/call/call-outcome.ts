import { msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallOutcome } from '../dispatch/permit.ts';
import { type CallClass, retryAfterMs, tokensOf } from './answer.ts';
import type { MadeCall } from './request-call.ts';

/** What a call's outcome depends on beside the call. */
export interface CallTerms {
  /** From the start of the call to the message's deadline, in milliseconds. */
  readonly leftMs: number;
  /** For a `Retry-After` that is a date. */
  readonly nowMs: UnixMs;
}

/**
 * A timer that is due at the deadline may be rounded to before it. Derived: a timer of Node is off by a millisecond, and by a few on a busy
 * machine.
 */
const timerMs = 5;

/**
 * What a call tells the pool that served it. A call that was aborted, or cut by its own message's deadline, tells nothing, and neither
 * does a refusal of the request about room: it may have been refused before it cost anything.
 */
export function callOutcome(call: MadeCall, callClass: CallClass, { leftMs, nowMs }: CallTerms): CallOutcome {
  switch (callClass) {
    case 'success':
      return { became: 'success', ...generation(call) };
    case 'final':
      return { became: 'refused' };
    case 'capacity':
      return { became: 'capacity', retryAfterMs: retryAfterMs(call.end, nowMs) };
    case 'unreachable':
    case 'operators-error':
    case 'failure':
      return isCutByDeadline(call, leftMs) ? { became: 'ignored' } : { became: 'failure' };
    case 'aborted':
      return { became: 'ignored' };
  }
}

function isCutByDeadline({ end, startedAtMs, endedAtMs }: MadeCall, leftMs: number): boolean {
  return 'message' in end && msBetween(startedAtMs, endedAtMs) >= leftMs - timerMs;
}

function generation({ end, startedAtMs, endedAtMs }: MadeCall): Partial<CallOutcome & { became: 'success' }> {
  if (end.end !== 'answer') return {};
  const { prompt, completion } = tokensOf(end.answer);
  const isCounted = prompt > 0 || completion > 0;
  const durationMs = msBetween(startedAtMs, endedAtMs);
  return { generation: { outputTokens: isCounted ? completion : undefined, durationMs } };
}
