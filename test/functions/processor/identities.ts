import type { RequestIdentity } from '../../../shared/pubsub/request.ts';
import { unix } from '../../support/instants.ts';

/** A request's identity, for tests that vary one thing of it. */
export const identity: RequestIdentity = {
  id: 'doc-17',
  shape: 'envelope',
  model: 'm',
  tenant: 'acme',
  job: '',
  metadata: { team: 'search' },
  traceparent: '',
  tracestate: '',
  attemptsFailed: 0,
  retryAtMs: undefined,
  firstPublishedAtMs: unix(0),
  firstFailedAtMs: undefined,
  firstMessageId: '5',
  lastStatus: undefined,
};
