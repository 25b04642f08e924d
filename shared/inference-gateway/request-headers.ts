import { fairnessIdHeaders, objectiveHeaders, requestIdHeader, ttftSloHeaders } from './header-names.ts';
import { hopByHopHeaders } from './hop-by-hop.ts';

/** HTTP headers, one value a name. */
export type HeaderMap = Readonly<Record<string, string>>;

const protectedNames = new Set<string>([
  ...hopByHopHeaders,
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'expect',
  'authorization',
  'x-api-key',
  'cookie',
  requestIdHeader,
  'traceparent',
  'tracestate',
  'baggage',
]);
const protectedPrefixes = ['x-gateway-', 'x-llm-d-', 'x-slo-', 'x-envoy-', 'x-forwarded-', 'x-goog-', 'x-google-'];

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const tenantValue = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;

/** The first header of a message that is not legal HTTP, or undefined. Source: RFC 9110, section 5. */
export function illegalHeader(headers: HeaderMap): string | undefined {
  return Object.entries(headers).find(([name, value]) => !token.test(name) || !fieldValue.test(value))?.[0];
}

/** Those of a message's own headers that may reach the gateway, names in lower case. Protocol: contract §5. */
export function forwardableHeaders(headers: HeaderMap): HeaderMap {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const named = lowered
    .filter(([name]) => name === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','));
  const hops = new Set(named.map((name) => name.trim()));
  return Object.fromEntries(lowered.filter(([name]) => !isProtected(name) && !hops.has(name)));
}

/** What the headers of a call are made from. */
export interface CallHeaders {
  readonly forwarded: HeaderMap;
  readonly objective: string;
  readonly tenant: string;
  /** Milliseconds to the deadline, above 0: what queues in the gateway go by. */
  readonly leftMs: number;
  readonly requestId: string;
  readonly traceparent: string;
  readonly tracestate: string;
  /** A bearer token for the gateway, empty when it needs none. */
  readonly credential: string;
}

/** Every header of a call; ours win over the message's. Answers are asked for uncompressed, so that their bytes can be kept as they are. */
export function callHeaders(call: CallHeaders): HeaderMap {
  const [objective, legacyObjective] = objectiveHeaders;
  const [fairnessId, legacyFairnessId] = fairnessIdHeaders;
  const [ttftSlo, legacyTtftSlo] = ttftSloHeaders;
  const leftMs = String(Math.ceil(call.leftMs));
  const tenantFits = tenantValue.test(call.tenant);
  return {
    'user-agent': 'backfill',
    ...call.forwarded,
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    [objective]: call.objective,
    [legacyObjective]: call.objective,
    ...(tenantFits ? { [fairnessId]: call.tenant, [legacyFairnessId]: call.tenant } : {}),
    [ttftSlo]: leftMs,
    [legacyTtftSlo]: leftMs,
    [requestIdHeader]: call.requestId,
    traceparent: call.traceparent,
    ...(call.tracestate !== '' && fieldValue.test(call.tracestate) ? { tracestate: call.tracestate } : {}),
    ...(call.credential === '' ? {} : { authorization: `Bearer ${call.credential}` }),
  };
}

function isProtected(name: string): boolean {
  return protectedNames.has(name) || protectedPrefixes.some((prefix) => name.startsWith(prefix));
}
