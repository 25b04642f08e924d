import { invalid } from '../api/refusal.ts';
import type { RetryPolicyMs } from '../broker/retry-backoff.ts';
import { durationMs } from './duration.ts';
import { compileFilter } from './filter.ts';
import { deletedTopic, resourceName } from './resource-names.ts';
import {
  applyMask,
  integerField,
  labelsField,
  objectField,
  refuseOthers,
  stringField,
  type Written,
} from './settings.ts';

/** A subscription in the form of Google's REST API, its defaults filled in; this is also how it is stored. */
export interface Subscription {
  readonly name: string;
  readonly topic: string;
  readonly pushConfig: PushConfig;
  /** 10 to 600 s; of a push subscription it is the request's timeout. */
  readonly ackDeadlineSeconds: number;
  readonly messageRetentionDuration: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly filter?: string;
  readonly deadLetterPolicy?: { readonly deadLetterTopic: string; readonly maxDeliveryAttempts: number };
  readonly retryPolicy?: { readonly minimumBackoff: string; readonly maximumBackoff: string };
  /** Shown as it was set; nothing expires here. */
  readonly expirationPolicy: { readonly ttl?: string };
  readonly state: 'ACTIVE';
}

/** Where a subscription pushes to. */
export interface PushConfig {
  /** Absent in a pull subscription. */
  readonly pushEndpoint?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience?: string };
}

const dayMs = 86_400_000;
const longestBackoffMs = 600_000;
const mutable = [
  'pushConfig',
  'ackDeadlineSeconds',
  'messageRetentionDuration',
  'labels',
  'deadLetterPolicy',
  'retryPolicy',
  'expirationPolicy',
] as const;

/**
 * Checks a subscription as it was written and fills in the defaults.
 * Source: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
 * @throws {Refusal} INVALID_ARGUMENT, also for what this server does not do: ordering, exactly-once, exports, transforms.
 */
export function readSubscription(written: Written): Subscription {
  const name = resourceName('subscriptions', written.name);
  const topic = written.topic === deletedTopic ? deletedTopic : resourceName('topics', written.topic);
  if (written.enableMessageOrdering) {
    throw invalid('enableMessageOrdering: this server does not order messages; leave it out.');
  }
  refuseOthers('subscription', written, ['name', 'topic', 'filter', 'state', ...mutable]);
  const retention = stringField(written, 'messageRetentionDuration') || '604800s';
  durationMs('messageRetentionDuration', retention, 600_000, 31 * dayMs);
  const filter = stringField(written, 'filter');
  compileFilter(filter);
  return {
    name,
    topic,
    pushConfig: readPushConfig(objectField(written, 'pushConfig') ?? {}),
    ackDeadlineSeconds: integerField(written, 'ackDeadlineSeconds', 10, 10, 600),
    messageRetentionDuration: retention,
    labels: labelsField(written),
    ...(filter ? { filter } : {}),
    ...readDeadLetterPolicy(objectField(written, 'deadLetterPolicy')),
    ...readRetryPolicy(objectField(written, 'retryPolicy')),
    expirationPolicy: readExpirationPolicy(objectField(written, 'expirationPolicy')),
    state: 'ACTIVE',
  };
}

/** @throws {Refusal} INVALID_ARGUMENT */
export function updateSubscription(current: Subscription, patch: Written, mask: readonly string[]): Subscription {
  return readSubscription(applyMask({ ...current }, patch, mask, mutable));
}

/**
 * The retry policy's backoffs in milliseconds; undefined without one.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function retryPolicyMs({ retryPolicy }: Subscription): RetryPolicyMs | undefined {
  if (!retryPolicy) return undefined;
  return {
    minimumMs: durationMs('minimumBackoff', retryPolicy.minimumBackoff, 0, longestBackoffMs),
    maximumMs: durationMs('maximumBackoff', retryPolicy.maximumBackoff, 0, longestBackoffMs),
  };
}

/**
 * How long an unacknowledged message is kept, in milliseconds.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function retentionMs({ messageRetentionDuration }: Subscription): number {
  return durationMs('messageRetentionDuration', messageRetentionDuration, 0, 31 * dayMs);
}

function readPushConfig(written: Written): PushConfig {
  if (written.noWrapper) throw invalid('pushConfig.noWrapper: this server pushes the wrapped body alone.');
  refuseOthers('pushConfig', written, ['pushEndpoint', 'attributes', 'oidcToken', 'pubsubWrapper']);
  const pushEndpoint = stringField(written, 'pushEndpoint');
  if (!pushEndpoint) return {};
  if (!URL.canParse(pushEndpoint) || !/^https?:$/.test(new URL(pushEndpoint).protocol)) {
    throw invalid(`Invalid push endpoint: ${JSON.stringify(pushEndpoint)} must be a URL like http://127.0.0.1:8080/.`);
  }
  const attributes = objectField(written, 'attributes');
  const oidcToken = objectField(written, 'oidcToken');
  return {
    pushEndpoint,
    ...(attributes ? { attributes: attributes as Record<string, string> } : {}),
    ...(oidcToken ? { oidcToken: readOidcToken(oidcToken) } : {}),
  };
}

function readOidcToken(written: Written) {
  const serviceAccountEmail = stringField(written, 'serviceAccountEmail');
  const audience = stringField(written, 'audience');
  if (!serviceAccountEmail) throw invalid('pushConfig.oidcToken.serviceAccountEmail is required.');
  return { serviceAccountEmail, ...(audience ? { audience } : {}) };
}

function readDeadLetterPolicy(written: Written | undefined): Pick<Subscription, 'deadLetterPolicy'> {
  if (!written || Object.keys(written).length === 0) return {};
  const deadLetterTopic = resourceName('topics', written.deadLetterTopic);
  const maxDeliveryAttempts = integerField(written, 'maxDeliveryAttempts', 5, 5, 100);
  return { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts } };
}

function readRetryPolicy(written: Written | undefined): Pick<Subscription, 'retryPolicy'> {
  if (!written) return {};
  const minimumBackoff = stringField(written, 'minimumBackoff') || '10s';
  const maximumBackoff = stringField(written, 'maximumBackoff') || '600s';
  const minimumMs = durationMs('retryPolicy.minimumBackoff', minimumBackoff, 0, longestBackoffMs);
  durationMs('retryPolicy.maximumBackoff', maximumBackoff, minimumMs, longestBackoffMs);
  return { retryPolicy: { minimumBackoff, maximumBackoff } };
}

function readExpirationPolicy(written: Written | undefined): Subscription['expirationPolicy'] {
  const ttl = written ? stringField(written, 'ttl') : '2678400s';
  if (ttl) durationMs('expirationPolicy.ttl', ttl, dayMs, Number.MAX_SAFE_INTEGER);
  return ttl ? { ttl } : {};
}
