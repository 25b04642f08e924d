import type { Identity } from '../../../shared/pubsub/request.ts';

/** A request's identity, for tests that vary one thing of it. */
export const identity: Identity = {
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
  firstPublishedAtMs: 0,
  firstMessageId: '5',
  lastStatus: undefined,
};
