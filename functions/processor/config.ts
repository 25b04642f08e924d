import { asyncByDefault } from '../../shared/openai/api-routes.ts';
import { publishReserveMs } from '../../shared/pubsub/deadline.ts';
import { portsDiffer } from '../../shared/runtime/config/listening.ts';
import type { Rule } from '../../shared/runtime/config/read-config.ts';
import {
  baseUrl,
  choice,
  custom,
  decimal,
  flag,
  integer,
  list,
  seconds,
  text,
} from '../../shared/runtime/config/variables.ts';
import { logLevels } from '../../shared/runtime/logger.ts';
import { storePlace } from '../../shared/store/place.ts';
import { capacitySourceNames } from './capacity/sources.ts';
import { endpointPaths, headerText, hostAndPort, type Options, readIds, topic } from './config-texts.ts';

/** What a subscription may set for itself. */
export const policySchema = {
  gatewayUrl: baseUrl('INFERENCE_GATEWAY_URL', {
    required: true,
    meaning: 'base URL of the in-cluster Inference Gateway',
  }),
  poolName: text('INFERENCE_POOL', {
    meaning: 'narrows the metrics read to this pool; gate, limit and breaker belong to the URL and this name together',
  }),
  objective: headerText('INFERENCE_OBJECTIVE', {
    default: 'sheddable',
    meaning: 'objective that is sent on every call',
  }),
  escalationObjective: headerText('ESCALATION_OBJECTIVE', {
    meaning:
      'objective, not sheddable, of calls for messages that would miss their deadline at the pace of others; where absent, none is escalated',
  }),
  resultTopic: topic('RESULT_TOPIC', {
    required: true,
    meaning: 'where results go: a topic id, or `projects/P/topics/T`',
  }),
  retryTopic: topic('RETRY_TOPIC', {
    required: true,
    meaning: 'where failed attempts go, with a push subscription to this function of its own',
  }),
  deadLetterTopic: topic('DEAD_LETTER_TOPIC', {
    meaning: 'also gets, where set, what cannot be understood and what has used up its attempts',
  }),
  allowedEndpoints: endpointPaths('ALLOWED_ENDPOINTS', {
    default: asyncByDefault.join(','),
    meaning: 'paths that a message may ask for, compared exactly',
  }),
  maxInFlight: integer('MAX_IN_FLIGHT', {
    default: '128',
    min: 1,
    meaning: 'calls at once per pool in this process: the ceiling of the adaptive limit',
  }),
  defaultDeadlineMs: seconds('DEFAULT_DEADLINE_SECONDS', {
    default: '86400',
    min: 0.001,
    max: 31 * 86400,
    meaning: 'how long after its first publish a message without a deadline expires',
  }),
  apiKeyFile: text('INFERENCE_GATEWAY_API_KEY_FILE', {
    meaning: 'file with the bearer key for the gateway, re-read when it changes',
  }),
  gatewayAudience: text('INFERENCE_GATEWAY_AUDIENCE', { meaning: 'send a Google ID token for this audience' }),
} as const;

/** The function's variables: the schema behind its configuration and behind the reference in docs/configuration.md. */
export const functionSchema = {
  ...policySchema,
  retrySubscriptions: custom<readonly string[], Options>(
    'RETRY_SUBSCRIPTION',
    {
      meaning:
        'comma list of the ids of the subscriptions on which the attributes of retries are believed; where absent, the ids of every `RETRY_TOPIC`, those of `SUBSCRIPTIONS_FILE` too',
    },
    readIds,
  ),
  deadLetterExpired: flag('DEAD_LETTER_EXPIRED', {
    default: 'false',
    meaning:
      'whether messages that expired, or could not be answered in time any more, go to the dead-letter topic as well',
  }),
  escalationShare: decimal('ESCALATION_SHARE', {
    default: '0.05',
    max: 1,
    meaning: 'the most that escalated calls may be of all calls under way per pool in this process; one may always be',
  }),
  projectId: text('GOOGLE_CLOUD_PROJECT', {
    meaning: 'project of topics given by id alone; from the credentials where absent',
  }),
  subscriptionsFile: text('SUBSCRIPTIONS_FILE', {
    meaning:
      'JSON file: subscription id → object overriding, by these same names, `INFERENCE_GATEWAY_URL`, `INFERENCE_POOL`, `INFERENCE_OBJECTIVE`, `RESULT_TOPIC`, `RETRY_TOPIC`, `DEAD_LETTER_TOPIC`, `ALLOWED_ENDPOINTS`, `MAX_IN_FLIGHT`, `ESCALATION_OBJECTIVE`, `DEFAULT_DEADLINE_SECONDS`, `INFERENCE_GATEWAY_API_KEY_FILE`, `INFERENCE_GATEWAY_AUDIENCE`, and `TENANT` (fixed, whatever the message says)',
  }),
  tenantAttributes: list('TENANT_ATTRIBUTE', {
    default: 'tenant,userid',
    meaning:
      'names under which a message says its tenant (the fairness id), as attribute or else in `metadata`; the first one that is there counts',
  }),
  requestTimeoutMs: seconds('REQUEST_TIMEOUT_SECONDS', {
    default: '540',
    min: 0.001,
    meaning: 'longest call; a deadline or the push may cut it shorter',
  }),
  ackDeadlineMs: seconds('ACK_DEADLINE_SECONDS', {
    default: '600',
    max: 600,
    meaning: "the push subscription's; at least `MAX_WAIT_SECONDS` + `REQUEST_TIMEOUT_SECONDS` + 20",
  }),
  maxAttempts: integer('MAX_ATTEMPTS', {
    default: '5',
    min: 1,
    meaning:
      'failed calls after which a message gets its result all the same, once `RETRY_SPAN_SECONDS` have passed too',
  }),
  retrySpanMs: seconds('RETRY_SPAN_SECONDS', {
    default: '300',
    meaning:
      'how long ago the first failure must be before attempts can be used up, a quarter of the time from first publish to deadline at most; at 0 attempts alone count',
  }),
  maxWaitMs: seconds('MAX_WAIT_SECONDS', {
    default: '20',
    meaning: 'how long a message may wait here for capacity, before it is given back with 429',
  }),
  maxWaiting: integer('MAX_WAITING', {
    default: '128',
    meaning: 'how many messages may wait here; one more sends the latest deadline back with 429',
  }),
  streamCalls: choice('STREAM_CALLS', ['never', 'auto'], {
    default: 'never',
    meaning:
      '`auto`: plain chat and completion calls (no `n`, `logprobs`, tools, `echo`) to a gateway that is not ours go out with `stream` and `stream_options.include_usage` added, so that the gaps between tokens steer the limit; the answer is put together as the unstreamed one would be',
  }),
  maxBufferedBytes: integer('MAX_BUFFERED_BYTES', {
    default: '268435456',
    min: 14_000_000,
    meaning:
      'bytes of pushes and answers that are here together, at least one largest push; a push that does not fit gets 429 unread, and messages that wait may have half of it',
  }),
  maxResultBytes: integer('MAX_RESULT_BYTES', {
    default: '67108864',
    min: 1,
    meaning:
      'the largest answer whose result is kept; one that no message of 10,000,000 bytes holds needs `STORE`. A larger one is `RESULT_TOO_LARGE`',
  }),
  store: storePlace('STORE', {
    meaning:
      '`gs://bucket[/prefix]` or `file:/folder`: holds results that are too large for Pub/Sub, results for redeliveries (`REPLAY`), and the control document',
  }),
  replays: flag('REPLAY', {
    default: 'false',
    meaning:
      'keep each result in `STORE`, and publish it again, without a second call, when its message is delivered again',
  }),
  drainMs: seconds('DRAIN_SECONDS', {
    default: '8',
    max: 600,
    meaning:
      'how long calls may go on after SIGTERM; two seconds less than the platform waits before it kills the process (Cloud Run ten, Kubernetes `terminationGracePeriodSeconds`)',
  }),
  capacitySources: list('CAPACITY_SOURCES', {
    default: 'gateway,flow-control,pool,vllm',
    choices: capacitySourceNames,
    meaning: `where the pool's load is read, in this order, the first that has data wins, and one that is not configured or answers 404 is passed over: ${capacitySourceNames.map((name) => `\`${name}\``).join(', ')}`,
  }),
  capacityScrapeUrl: baseUrl('CAPACITY_SCRAPE_URL', {
    meaning: "an endpoint picker's metrics, for source `scrape`; without a path, `/metrics`",
  }),
  capacityPromql: text('CAPACITY_PROMQL', {
    meaning: 'a PromQL query whose value (the largest, of a vector) is saturation; replaces the sources',
  }),
  capacityCloseAt: decimal('CAPACITY_CLOSE_AT', {
    default: '0.9',
    min: 0.001,
    meaning: 'saturation at which the gate closes',
  }),
  capacityOpenAt: decimal('CAPACITY_OPEN_AT', {
    default: '0.75',
    min: 0.001,
    meaning: 'saturation below which it opens again',
  }),
  capacityRefreshMs: seconds('CAPACITY_REFRESH_SECONDS', {
    default: '5',
    min: 0.01,
    meaning: 'one query per period and pool, however many messages wait',
  }),
  capacityMaxAgeMs: seconds('CAPACITY_MAX_AGE_SECONDS', {
    default: '240',
    min: 0.01,
    meaning: 'an older newest point means that the load is unknown',
  }),
  capacityUnknown: choice('CAPACITY_UNKNOWN', ['open', 'closed', 'probe'], {
    default: 'probe',
    meaning: 'what an unknown load means: `open`, `closed`, or `probe` (one call at a time)',
  }),
  gkeCluster: text('GKE_CLUSTER', { meaning: "narrows Cloud Monitoring's metrics to this cluster" }),
  gkeNamespace: text('GKE_NAMESPACE', {
    meaning:
      "narrows Cloud Monitoring's metrics to this namespace; give a pool its own for source `vllm`, since model servers' metrics name no pool",
  }),
  monitoringProject: text('MONITORING_PROJECT', {
    meaning: "project whose metrics are read; the function's own where absent",
  }),
  pushAudience: text('PUSH_AUDIENCE', {
    meaning: "verify the push's OIDC token for this audience; with `PUSH_SERVICE_ACCOUNT`",
  }),
  pushServiceAccount: text('PUSH_SERVICE_ACCOUNT', { meaning: 'account that the token must be of' }),
  pushCertsUrl: baseUrl('PUSH_CERTS_URL', { meaning: "replaces Google's certificates" }),
  monitoringApiEndpoint: hostAndPort('MONITORING_API_ENDPOINT', {
    meaning: "`host:port`, plaintext gRPC: a local Monitoring instead of Google's",
  }),
  prometheusApiUrl: baseUrl('PROMETHEUS_API_URL', {
    meaning: "base URL of a Prometheus HTTP API instead of Google's",
  }),
  pubsubEmulatorHost: text('PUBSUB_EMULATOR_HOST', {
    meaning: "`host:port` of a local Pub/Sub instead of Google's; the client library's own",
  }),
  port: integer('PORT', { default: '8080', max: 65_535, meaning: 'port for pushes; 0 takes a free one' }),
  host: text('HOST', { default: '0.0.0.0', meaning: 'address to listen on' }),
  adminPort: integer('ADMIN_PORT', {
    max: 65_535,
    meaning: 'port for `/healthz`, `/readyz` and `/metrics`, which otherwise stand on `PORT`',
  }),
  logLevel: choice('LOG_LEVEL', logLevels, { default: 'info', meaning: `one of ${logLevels.join(', ')}` }),
} as const;

/** A fault of the environment, and of a subscription's own variables. */
export const oneCredential: Rule<Pick<typeof policySchema, 'apiKeyFile' | 'gatewayAudience'>> = {
  needs: ['apiKeyFile', 'gatewayAudience'],
  fault: ({ apiKeyFile, gatewayAudience }) =>
    apiKeyFile === undefined || gatewayAudience === undefined
      ? undefined
      : 'INFERENCE_GATEWAY_API_KEY_FILE and INFERENCE_GATEWAY_AUDIENCE must not be set together: a call carries one credential',
};

/** Faults that lie in several variables together. */
export const functionRules: readonly Rule<typeof functionSchema>[] = [
  portsDiffer,
  {
    needs: ['pushAudience', 'pushServiceAccount'],
    fault: ({ pushAudience, pushServiceAccount }) =>
      (pushAudience === undefined) === (pushServiceAccount === undefined)
        ? undefined
        : 'PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT must be set together, or neither',
  },
  {
    needs: ['maxWaitMs', 'requestTimeoutMs', 'ackDeadlineMs'],
    fault: ({ maxWaitMs, requestTimeoutMs, ackDeadlineMs }) =>
      maxWaitMs + requestTimeoutMs + publishReserveMs <= ackDeadlineMs
        ? undefined
        : `MAX_WAIT_SECONDS (${maxWaitMs / 1000}) + REQUEST_TIMEOUT_SECONDS (${requestTimeoutMs / 1000}) + 20 must be at most ACK_DEADLINE_SECONDS (${ackDeadlineMs / 1000})`,
  },
  {
    needs: ['capacityOpenAt', 'capacityCloseAt'],
    fault: ({ capacityOpenAt, capacityCloseAt }) =>
      capacityOpenAt < capacityCloseAt
        ? undefined
        : `CAPACITY_OPEN_AT (${capacityOpenAt}) must be below CAPACITY_CLOSE_AT (${capacityCloseAt})`,
  },
  {
    // Beside others it would be passed over; alone, it would leave the load unknown for good.
    needs: ['capacitySources', 'capacityScrapeUrl', 'capacityPromql'],
    fault: ({ capacitySources, capacityScrapeUrl, capacityPromql }) =>
      capacitySources.every((name) => name === 'scrape') && (capacityScrapeUrl ?? capacityPromql) === undefined
        ? 'CAPACITY_SCRAPE_URL is required where CAPACITY_SOURCES is scrape alone'
        : undefined,
  },
  {
    needs: ['resultTopic', 'retryTopic', 'deadLetterTopic', 'projectId'],
    fault: ({ resultTopic, retryTopic, deadLetterTopic, projectId, pubsubEmulatorHost }) =>
      projectId === undefined &&
      pubsubEmulatorHost !== undefined &&
      [resultTopic, retryTopic, deadLetterTopic].some((name) => name !== undefined && !name.startsWith('projects/'))
        ? 'GOOGLE_CLOUD_PROJECT is required for topics given by id alone where PUBSUB_EMULATOR_HOST is set'
        : undefined,
  },
  {
    needs: ['store', 'replays'],
    fault: ({ store, replays }) =>
      replays && store === undefined ? 'STORE is required where REPLAY is true' : undefined,
  },
  oneCredential,
];
