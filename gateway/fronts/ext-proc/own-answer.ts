import { droppedReasonHeader, requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import { type Refusal, refusalBody } from '../../refusal.ts';
import { immediateAnswerOf } from './processing-response.ts';

/** What the proxy answers a request with that goes to no endpoint. */
export function answerMessage(requestId: string, body: string): Buffer {
  return immediateAnswerOf({ status: 200, headers: headersFor(requestId), body, details: 'answered' });
}

/** The answer with which the proxy refuses a request, as it would be refused over HTTP. */
export function refusalMessage(requestId: string, refused: Refusal): Buffer {
  const { status, code, droppedReason, retryAfterSeconds } = refused;
  const headers = headersFor(requestId);
  if (droppedReason !== undefined) headers.push([droppedReasonHeader, droppedReason]);
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', `${retryAfterSeconds}`]);
  return immediateAnswerOf({ status, headers, body: JSON.stringify(refusalBody(refused)), details: code });
}

function headersFor(requestId: string): [string, string][] {
  return [
    ['content-type', 'application/json; charset=utf-8'],
    [requestIdHeader, requestId],
  ];
}
