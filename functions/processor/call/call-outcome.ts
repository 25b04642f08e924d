import { msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallOutcome } from '../dispatch/permit.ts';
import { type CallClass, retryAfterMs, tokensOf } from './answer.ts';
import type { MadeCall } from './request-call.ts';

/**
 * What a call tells the pool that served it. `model` is the request's; `nowMs` is for a `Retry-After` that is a date. A call that was
 * aborted tells nothing, and neither does a refusal of the request about room: it may have been refused before it cost anything.
 */
export function callOutcome(call: MadeCall, callClass: CallClass, model: string, nowMs: UnixMs): CallOutcome {
  switch (callClass) {
    case 'success':
      return { became: 'success', ...generation(call, model) };
    case 'final':
      return { became: 'refused' };
    case 'capacity':
      return { became: 'capacity', retryAfterMs: retryAfterMs(call.end, nowMs) };
    case 'unreachable':
    case 'operators-error':
    case 'failure':
      return { became: 'failure' };
    case 'aborted':
      return { became: 'ignored' };
  }
}

function generation(
  { end, startedAtMs, endedAtMs }: MadeCall,
  model: string,
): Partial<CallOutcome & { became: 'success' }> {
  if (end.end !== 'answer') return {};
  const { prompt, completion } = tokensOf(end.answer);
  const durationMs = msBetween(startedAtMs, endedAtMs);
  return { generation: { model, promptTokens: prompt, outputTokens: completion, durationMs } };
}
