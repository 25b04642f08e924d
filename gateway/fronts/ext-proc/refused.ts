import { droppedReasonHeader, requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import { type Refusal, refusalBody } from '../../refusal.ts';
import { immediateAnswerOf } from './processing-response.ts';

/** The answer with which the proxy refuses a request, as it would be refused over HTTP. */
export function refusalMessage(requestId: string, refused: Refusal): Buffer {
  const { status, code, droppedReason, retryAfterSeconds } = refused;
  const headers: [string, string][] = [
    ['content-type', 'application/json; charset=utf-8'],
    [requestIdHeader, requestId],
  ];
  if (droppedReason !== undefined) headers.push([droppedReasonHeader, droppedReason]);
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', `${retryAfterSeconds}`]);
  return immediateAnswerOf({ status, headers, body: JSON.stringify(refusalBody(refused)), details: code });
}
