import { droppedReasonHeader } from '../../../shared/inference-gateway/header-names.ts';
import type { HeaderMap } from '../../../shared/inference-gateway/request-headers.ts';

/** Protocol: what Envoy, and load balancers made of it, answer for themselves when no endpoint takes the request. */
const proxyTexts = ['no healthy upstream', 'upstream connect error'];
/** Protocol: vLLM's admission control, "Please try again later or on a different instance". */
const admissionText = /\btry\b[^.]{0,80}\bon a different instance\b/i;
/** These texts stand at the beginning; what follows may quote anything. Derived: the longest of them has fewer than a hundred bytes. */
const readBytes = 1024;

/** Whether a 502 or 503 was made for want of an endpoint, so that no model server has seen the request. `codes`: of its error body. */
export function isForWantOfEndpoint(headers: HeaderMap, body: Uint8Array, codes: readonly unknown[]): boolean {
  if (headers[droppedReasonHeader] === 'rejected-no-endpoints' || codes.includes('no_endpoints')) return true;
  const text = beginningOf(body);
  return proxyTexts.some((said) => text.includes(said));
}

/** Whether a 503 says that there is no room now: a dropped reason, a time to come back, or vLLM's admission control. */
export function isForWantOfRoom(headers: HeaderMap, body: Uint8Array): boolean {
  return Boolean(headers[droppedReasonHeader] || headers['retry-after']) || admissionText.test(beginningOf(body));
}

function beginningOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, readBytes)).toString('latin1');
}
