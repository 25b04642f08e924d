import type { Logger } from '../../shared/runtime/logger.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { EndpointChange } from '../endpoint/endpoint-change.ts';

/** One line for every change of an endpoint's health. */
export function logEndpointChange(log: Logger, { host }: Endpoint, change: EndpointChange): void {
  const line = { endpoint: host };
  if (change.kind === 'refuses connections') log.warn(line, 'the endpoint refuses connections');
  else if (change.kind === 'refuses the key') {
    log.warn(line, 'the endpoint answers 401: it needs another key than that of ENDPOINTS_API_KEY_FILE');
  } else if (change.kind === 'takes the key again') log.info(line, 'the endpoint takes the key again');
  else if (change.kind === 'takes connections again') log.info(line, 'the endpoint takes connections again');
  else if (change.kind === 'let back in') log.info(line, 'the endpoint is let back in, and starts slowly');
  else {
    const { reason, forMs } = change;
    log.warn(
      { ...line, reason, seconds: forMs / 1000 },
      'the endpoint is ejected: a request will probe it after a while',
    );
  }
}
