import type { ServerResponse } from 'node:http';
import { droppedReasonHeader, requestIdHeader } from '../../shared/failures/header-names.ts';
import { type Refusal, refusalBody } from '../decisions/refusals.ts';

/** Answers with the refusal. What is left of the request is read and thrown away; with `close` the connection ends with it. */
export function writeRefusal(res: ServerResponse, requestId: string, refusal: Refusal, close = false): void {
  const body = JSON.stringify(refusalBody(refusal));
  res.writeHead(refusal.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    [requestIdHeader]: requestId,
    ...(refusal.droppedReason === undefined ? {} : { [droppedReasonHeader]: refusal.droppedReason }),
    ...(refusal.retryAfterSeconds === undefined ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }),
    ...(close ? { connection: 'close' } : {}),
  });
  res.end(body);
}

/** How long a client that does not read may hold up the last event of a stream that failed. */
const lastEventTimeoutMs = 2000;

/** Ends a stream of events with the refusal as its last one, and without its final chunk. `tail` is what was sent last. */
export function writeLastEvent(res: ServerResponse, tail: Buffer | undefined, refusal: Refusal): void {
  const between = tail?.subarray(-2).toString('latin1') === '\n\n' ? '' : '\n\n';
  const giveUp = setTimeout(() => res.destroy(), lastEventTimeoutMs);
  res.write(`${between}data: ${JSON.stringify(refusalBody(refusal))}\n\n`, () => {
    clearTimeout(giveUp);
    res.destroy();
  });
}
