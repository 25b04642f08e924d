import { portsDiffer } from '../shared/runtime/config/listening.ts';
import type { Rule } from '../shared/runtime/config/read-config.ts';
import {
  baseUrl,
  choice,
  custom,
  decimal,
  integer,
  list,
  longestTimerMs,
  seconds,
  text,
} from '../shared/runtime/config/variables.ts';
import { logLevels } from '../shared/runtime/logger.ts';
import { parseObjectiveList } from './admit/objectives.ts';
import { spellings } from './admit/request-head.ts';
import { policies, policyNames } from './choose/policies/policies.ts';
import { parseEndpointList } from './discovery/endpoint-list.ts';
import { tlsModes } from './fronts/ext-proc/tls-modes.ts';

/** Which requests get a line: every one, those that went wrong, or none. */
export const requestLogModes = ['all', 'errors', 'none'] as const;
/** A value of `LOG_REQUESTS`. */
export type RequestLogMode = (typeof requestLogModes)[number];

/** The gateway's variables: the schema behind its configuration and behind the reference in docs/configuration.md. */
export const gatewaySchema = {
  endpoints: custom(
    'ENDPOINTS',
    {
      meaning:
        'model servers, a comma list of base URLs; a `/v1` at the end is taken off. Exactly one of `ENDPOINTS`, `ENDPOINTS_FILE`, `ENDPOINTS_DNS`, `ENDPOINTS_POOL` is set',
    },
    parseEndpointList,
  ),
  endpointsFile: text('ENDPOINTS_FILE', {
    meaning:
      'instead: a JSON file `[{"url":"http://10.0.0.7:8000","labels":{}}]`, re-read when it changes; one that cannot be read leaves the last good set',
  }),
  endpointsDns: custom(
    'ENDPOINTS_DNS',
    {
      meaning:
        'instead: `host:port` of a headless Service, resolved again every few seconds; an answer that fails or is empty leaves the last good set, and an address goes when two answers lack it',
    },
    (raw) => {
      const [, host, port] = /^([A-Za-z0-9._-]+):(\d{1,5})$/.exec(raw) ?? [];
      return host && port && Number(port) > 0 && Number(port) < 65_536
        ? { value: { host, port: Number(port) } }
        : { fault: 'must be host:port' };
    },
  ),
  endpointsPool: custom(
    'ENDPOINTS_POOL',
    {
      meaning:
        'instead: `namespace/name` of an InferencePool, watched through the Kubernetes API with its pods (those that are ready) and its InferenceObjectives, which stand beside `OBJECTIVES`',
    },
    (raw) => {
      const [, namespace, name] = /^([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(raw) ?? [];
      return namespace && name ? { value: { namespace, name } } : { fault: 'must be namespace/name' };
    },
  ),
  objectives: custom(
    'OBJECTIVES',
    {
      default: 'interactive=100,standard=0,sheddable=-1',
      meaning: 'name=priority, a comma list; higher goes first, below 0 is sheddable',
    },
    parseObjectiveList,
  ),
  objectivesFile: text('OBJECTIVES_FILE', {
    meaning:
      'instead: a JSON file `{"interactive":{"priority":100,"ttftMs":1000,"tpotMs":50,"missBudget":0.01,"ttlSeconds":30}}`, re-read when it changes: the service level of requests that bring none, the share that may miss it, and the longest wait in the queue',
  }),
  modelsFile: text('MODELS_FILE', {
    meaning:
      'a JSON file `{"gpt-4o":[{"model":"llama-70b","weight":90},{"model":"llama-8b","weight":10}]}`, re-read when it changes: other names for models, and the share of each. The `model` of the body is rewritten, the answer is not; `GET /v1/models` lists the names',
  }),
  defaultObjective: text('DEFAULT_OBJECTIVE', {
    default: 'standard',
    meaning: 'objective of requests that name none',
  }),
  trustedSpelling: choice('TRUSTED_SPELLING', spellings, {
    default: 'both',
    meaning:
      'which family of header names is read: `new` (`x-llm-d-…`), `old` (`x-gateway-…`, `x-slo-…`) or `both`, the newer one winning. Where clients send one and a proxy in front the other, name the one of the proxy',
  }),
  apiKeysFile: text('API_KEYS_FILE', {
    meaning:
      'a JSON file `[{"sha256":"…","tenant":"acme","objectives":["standard"]}]`, re-read when it changes. Without it every client that reaches the gateway is trusted',
  }),
  endpointsApiKeyFile: text('ENDPOINTS_API_KEY_FILE', {
    meaning:
      "a file with the bearer key for the endpoints (vLLM's `--api-key`), re-read when it changes. An endpoint that answers 401 to `/v1/models` is not used",
  }),
  metricsRefreshMs: integer('METRICS_REFRESH_MS', {
    default: '250',
    min: 10,
    max: longestTimerMs,
    meaning:
      "how often each endpoint's `/metrics` is read at most, in milliseconds; less often where a page takes long, so that reading costs an endpoint at most 1 %",
  }),
  maxBodyBytes: integer('MAX_BODY_BYTES', { default: '33554432', min: 1, meaning: 'largest request body' }),
  maxBufferedBytes: integer('MAX_BUFFERED_BYTES', {
    default: '536870912',
    min: 1,
    meaning:
      'most bytes of bodies that are held at once: of requests that come in, wait, or run without a first byte of their answer',
  }),
  queueTimeoutMs: seconds('QUEUE_TIMEOUT_SECONDS', {
    default: '60',
    meaning: 'longest wait for a place on an endpoint',
  }),
  maxQueued: integer('MAX_QUEUED', {
    default: '5000',
    meaning: 'most requests that wait, in each priority band; in a full one the tenant that holds most gives way',
  }),
  sheddableWaitMs: seconds('SHEDDABLE_WAIT_SECONDS', {
    default: '10',
    meaning:
      'longest wait of a sheddable request, before it is refused with 429; no longer than `QUEUE_TIMEOUT_SECONDS`',
  }),
  ttftTimeoutMs: seconds('TTFT_TIMEOUT_SECONDS', {
    default: '300',
    min: 0.01,
    meaning: "longest wait for the first byte of an endpoint's answer",
  }),
  idleTimeoutMs: seconds('IDLE_TIMEOUT_SECONDS', {
    default: '120',
    min: 0.01,
    meaning: 'longest silence between two bytes of an answer',
  }),
  drainMs: seconds('DRAIN_SECONDS', {
    default: '120',
    meaning:
      'after SIGTERM: requests of the first 5 s are served, later ones are refused, and what runs may go on so long; less than 5 holds for both',
  }),
  logRequests: choice('LOG_REQUESTS', requestLogModes, {
    default: 'errors',
    meaning:
      'which requests get a log line, at any `LOG_LEVEL`: `all`, `errors` (not 2xx, cut, or slower than promised) or `none`',
  }),
  corsOrigins: list('CORS_ORIGINS', {
    meaning: 'origins whose pages may call from a browser, a comma list such as `https://chat.example.com`; `*` is all',
  }),
  asyncApiUrl: baseUrl('ASYNC_API_URL', {
    meaning: 'base URL of the async API: `/v1/files`, `/v1/batches` and `/v1/requests` are passed on to it',
  }),
  policy: choice('POLICY', policyNames, {
    default: 'latency',
    meaning: `how an endpoint is chosen: ${policyNames.map((name) => `\`${name}\` (${policies[name].meaning})`).join(', ')}`,
  }),
  extProcPort: integer('EXT_PROC_PORT', {
    max: 65_535,
    meaning:
      'port on which Envoy, or a gateway made of it, asks for endpoints (`ext_proc`, the endpoint picker protocol); 9002 by convention. Without it none can',
  }),
  extProcTls: choice('EXT_PROC_TLS', tlsModes, {
    default: 'self-signed',
    meaning: 'whether that port is encrypted, with a certificate that the gateway makes and signs itself, or `off`',
  }),
  extProcHealthPort: integer('EXT_PROC_HEALTH_PORT', {
    default: '9003',
    max: 65_535,
    meaning: "port of gRPC's health service, never encrypted: `liveness`, `readiness`, and the picker's own name",
  }),
  waitMs: seconds('EXT_PROC_WAIT_SECONDS', {
    default: '8',
    meaning: 'longest wait of a request that came through that port; to be less than the proxy waits for its picker',
  }),
  observedShare: decimal('EXT_PROC_OBSERVE', {
    default: '1',
    max: 1,
    meaning:
      'share of the answers that a proxy sends through its picker of which the tokens are watched; the rest pass unread. Which answers it sends is decided in the proxy',
  }),
  fallbacks: integer('EXT_PROC_FALLBACKS', {
    default: '2',
    max: 16,
    meaning:
      'how many endpoints a proxy is told beside the best one, for the case that it cannot reach that; 0 where its cluster takes one address alone (`ORIGINAL_DST`)',
  }),
  poolName: text('POOL_NAME', { default: 'default', meaning: "label `name` of the pool's metrics" }),
  port: integer('PORT', { default: '8080', max: 65_535, meaning: 'port for clients; 0 takes a free one' }),
  host: text('HOST', { default: '0.0.0.0', meaning: 'address to listen on' }),
  adminPort: integer('ADMIN_PORT', {
    max: 65_535,
    meaning: 'port for `/metrics`, `/dashboard` and `/debug/state`, which otherwise stand on `PORT`',
  }),
  logLevel: choice('LOG_LEVEL', logLevels, { default: 'info', meaning: `one of ${logLevels.join(', ')}` }),
} as const;

/** Faults that lie in several variables together. */
export const gatewayRules: readonly Rule<typeof gatewaySchema>[] = [
  portsDiffer,
  {
    needs: ['endpoints', 'endpointsFile', 'endpointsDns', 'endpointsPool'],
    fault: ({ endpoints, endpointsFile, endpointsDns, endpointsPool }) =>
      [endpoints, endpointsFile, endpointsDns, endpointsPool].filter((value) => value !== undefined).length === 1
        ? undefined
        : 'ENDPOINTS, ENDPOINTS_FILE, ENDPOINTS_DNS, ENDPOINTS_POOL: exactly one of them must be set',
  },
  {
    needs: ['objectives', 'defaultObjective'],
    fault: ({ objectives, objectivesFile, defaultObjective }) =>
      objectivesFile !== undefined || objectives.has(defaultObjective)
        ? undefined
        : `DEFAULT_OBJECTIVE must be one of ${[...objectives.keys()].join(', ')}, not ${JSON.stringify(defaultObjective)}`,
  },
];
