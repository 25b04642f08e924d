import type { WorkClass } from '../../gateway/admit/objectives.ts';
import type { EntryRequest } from '../../gateway/endpoint/in-flight.ts';

/** A streamed request with nothing cached, as a ledger counts it. */
export function entryOf(workClass: WorkClass, promptTokens = 1, changes: Partial<EntryRequest> = {}): EntryRequest {
  return {
    workClass,
    promptTokens,
    cachedTokens: 0,
    stream: true,
    firstTokenExpectedAtMs: 0,
    ttftAloneMs: 0,
    ...changes,
  };
}
