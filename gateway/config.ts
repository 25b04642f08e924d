import { portsDiffer } from '../shared/runtime/config/listening.ts';
import type { Rule } from '../shared/runtime/config/read-config.ts';
import { choice, custom, integer, longestTimerMs, seconds, text } from '../shared/runtime/config/variables.ts';
import { logLevels } from '../shared/runtime/logger.ts';
import { parseObjectiveList } from './admit/objectives.ts';
import { policies, policyNames } from './choose/policies/policies.ts';
import { parseEndpointList } from './discovery/endpoint-list.ts';

/** The gateway's variables: the schema behind its configuration and behind the reference in docs/configuration.md. */
export const gatewaySchema = {
  endpoints: custom(
    'ENDPOINTS',
    {
      meaning:
        'model servers, a comma list of base URLs. Exactly one of `ENDPOINTS`, `ENDPOINTS_FILE`, `ENDPOINTS_DNS` is set',
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
      'instead: a JSON file `{"interactive":{"priority":100,"ttftMs":1000,"tpotMs":50,"missBudget":0.01}}`, re-read when it changes: the service level of requests that bring none, and the share that may miss it',
  }),
  defaultObjective: text('DEFAULT_OBJECTIVE', {
    default: 'standard',
    meaning: 'objective of requests that name none',
  }),
  apiKeysFile: text('API_KEYS_FILE', {
    meaning:
      'a JSON file `[{"sha256":"…","tenant":"acme","objectives":["standard"]}]`, re-read when it changes. Without it everyone who reaches the gateway is trusted',
  }),
  metricsRefreshMs: integer('METRICS_REFRESH_MS', {
    default: '250',
    min: 10,
    max: longestTimerMs,
    meaning:
      "how often each endpoint's `/metrics` is read at most, in milliseconds; less often where a page takes long, so that reading costs an endpoint at most 1 %",
  }),
  maxBodyBytes: integer('MAX_BODY_BYTES', { default: '33554432', min: 1, meaning: 'largest request body' }),
  queueTimeoutMs: seconds('QUEUE_TIMEOUT_SECONDS', {
    default: '60',
    meaning: 'longest wait for a place on an endpoint',
  }),
  maxQueued: integer('MAX_QUEUED', {
    default: '5000',
    meaning: 'most requests that wait, in each priority band; in a full one the tenant that holds most gives way',
  }),
  sheddableWaitMs: seconds('SHEDDABLE_WAIT_SECONDS', {
    default: '1',
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
  policy: choice('POLICY', policyNames, {
    default: 'latency',
    meaning: `how an endpoint is chosen: ${policyNames.map((name) => `\`${name}\` (${policies[name].meaning})`).join(', ')}`,
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

export const gatewayRules: readonly Rule<typeof gatewaySchema>[] = [
  portsDiffer,
  {
    needs: ['endpoints', 'endpointsFile', 'endpointsDns'],
    fault: ({ endpoints, endpointsFile, endpointsDns }) =>
      [endpoints, endpointsFile, endpointsDns].filter((value) => value !== undefined).length === 1
        ? undefined
        : 'ENDPOINTS, ENDPOINTS_FILE, ENDPOINTS_DNS: exactly one of them must be set',
  },
  {
    needs: ['objectives', 'defaultObjective'],
    fault: ({ objectives, objectivesFile, defaultObjective }) =>
      objectivesFile !== undefined || objectives.has(defaultObjective)
        ? undefined
        : `DEFAULT_OBJECTIVE must be one of ${[...objectives.keys()].join(', ')}, not ${JSON.stringify(defaultObjective)}`,
  },
];
