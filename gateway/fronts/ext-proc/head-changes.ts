import { requestIdHeader, servedEndpointHeader } from '../../../shared/inference-gateway/header-names.ts';
import type { Headers } from '../../admit/request-head.ts';
import { type Refusal, refusalBody } from '../../refusal.ts';
import type { HeaderMutation } from './processing-response.ts';

/**
 * What changes of a request's head before its endpoint has it. Keys of clients are for the gateway alone; endpoints have their own.
 * @param endpointsKey undefined where they need none
 */
export function changesOfRequest(id: string, endpointsKey: string | undefined): HeaderMutation {
  const set: [string, string][] = [[requestIdHeader, id]];
  if (endpointsKey === undefined) return { set, remove: ['authorization', 'x-api-key'] };
  return { set: [...set, ['authorization', `Bearer ${endpointsKey}`]], remove: ['x-api-key'] };
}

/** What is known of a request when its answer's head comes. */
export interface AnsweredRequest {
  readonly id: string;
  /** `host:port`; undefined where no endpoint gave the answer. */
  readonly servedBy: string | undefined;
  /** The gateway's own estimate, where an endpoint said when to come back; undefined leaves that out. */
  readonly retryAfterSeconds: number | undefined;
}

/** What changes of an answer's head before the client has it. */
export function changesOfAnswer(headers: Headers, answered: AnsweredRequest): HeaderMutation {
  const { id, servedBy, retryAfterSeconds } = answered;
  const set: [string, string][] = [[requestIdHeader, id]];
  if (servedBy !== undefined) set.push([servedEndpointHeader, servedBy]);
  if (headers['retry-after'] === undefined) return { set };
  if (retryAfterSeconds === undefined) return { set, remove: ['retry-after'] };
  return { set: [...set, ['retry-after', `${retryAfterSeconds}`]] };
}

/** The error as the last event of a stream; undefined where an answer with this head takes none. */
export function lastEvent(headers: Headers, reason: Refusal, lastPiece: Buffer | undefined): Buffer | undefined {
  const isEventStream = /^text\/event-stream\b/i.test(`${headers['content-type']}`);
  if (!isEventStream || headers['content-length'] !== undefined || headers['content-encoding'] !== undefined) {
    return undefined;
  }
  const between = lastPiece?.subarray(-2).toString('latin1') === '\n\n' ? '' : '\n\n';
  return Buffer.from(`${between}data: ${JSON.stringify(refusalBody(reason))}\n\n`);
}
