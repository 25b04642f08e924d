import type { ServerResponse } from 'node:http';
import { droppedReasonHeader, requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import { type Refusal, refusalBody } from '../../refusal.ts';

/**
 * How long a client that does not read may hold up the last event of a stream that failed. Derived: less than the time in which the ports
 * are closed.
 */
const lastEventTimeoutMs = 2000;
/** A client that is still sending when it is refused gets this time to read why, before its connection is cut. Derived: as above. */
const lingerMs = 2000;

/** Answers with the refusal; with `close` the connection ends with it. What is left of the request is thrown away, as far as it comes in time. */
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
  const { req } = res;
  if (req.complete) {
    res.end(body);
    return;
  }
  // The answer ends after the request: a connection that ended with it would be reset under a client that writes first and reads then.
  res.write(body);
  req.resume();
  const cutOff = setTimeout(() => res.destroy(), lingerMs);
  req.once('end', () => res.end());
  req.once('close', () => clearTimeout(cutOff));
}

/** Ends an event stream with the error as its last event, and cuts the connection: no end of it looks like a success. */
export function writeErrorEvent(res: ServerResponse, reason: Refusal, lastChunk: Buffer | undefined): void {
  const between = lastChunk?.subarray(-2).toString('latin1') === '\n\n' ? '' : '\n\n';
  const giveUp = setTimeout(() => res.destroy(), lastEventTimeoutMs);
  res.write(`${between}data: ${JSON.stringify(refusalBody(reason))}\n\n`, () => {
    clearTimeout(giveUp);
    res.destroy();
  });
}
