import { decodeRequest } from '../../../shared/pubsub/request.ts';
import type { UnixMs } from '../../../shared/runtime/clock.ts';
import type { RequestDecoder } from './check-lines.ts';

/**
 * The function's own decoder, asked about a message that is not published yet.
 * @param allowedEndpoints the function's `ALLOWED_ENDPOINTS`
 * @param nowMs unix milliseconds: when it will be published
 */
export function requestDecoder(allowedEndpoints: readonly string[], nowMs: UnixMs): RequestDecoder {
  // The deadline of a message that names none, and its tenant, are the function's to set, and no line is refused for them.
  const rules = { allowedEndpoints, defaultDeadlineMs: 86_400_000, tenantAttributes: [], tenant: undefined };
  return (data, attributes) => {
    const message = { messageId: '', publishedAtMs: nowMs, attributes, data, fault: undefined };
    const decoded = decodeRequest(message, rules, nowMs);
    return 'invalid' in decoded ? decoded : decoded.request;
  };
}
