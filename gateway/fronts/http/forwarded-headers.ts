import { requestIdHeader, servedEndpointHeader } from '../../../shared/inference-gateway/header-names.ts';
import { hopByHopHeaders } from '../../../shared/inference-gateway/hop-by-hop.ts';

/** What the client says to the gateway alone, or the gateway says anew. */
const dropFromRequest = new Set<string>([
  ...hopByHopHeaders,
  'host',
  'content-length',
  'expect',
  'authorization',
  'x-api-key',
  requestIdHeader,
]);
const dropFromAnswer = new Set<string>([...hopByHopHeaders, requestIdHeader, servedEndpointHeader]);

const namesNoHeader = /^(keep-alive|close)$/i;

/** Name, value, name, value …, as they stood on the wire. */
type RawHeaders = readonly string[];

/** The headers of a client's request that go on to an endpoint, with the request's id. */
export function requestHeadersFor(rawHeaders: RawHeaders, requestId: string): string[] {
  const kept = keep(rawHeaders, dropFromRequest);
  kept.push(requestIdHeader, requestId);
  return kept;
}

/** The headers of an endpoint's answer that go on to the client, with the request's id and the endpoint that served it (`host:port`). */
export function answerHeadersFor(rawHeaders: RawHeaders, requestId: string, servedBy: string): string[] {
  const kept = keep(rawHeaders, dropFromAnswer);
  kept.push(requestIdHeader, requestId, servedEndpointHeader, servedBy);
  return kept;
}

/** The same headers with the gateway's own estimate where an endpoint said when to come back; left out where there is none. */
export function withOwnRetryAfter(rawHeaders: RawHeaders, seconds: number | undefined): string[] {
  const headers: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''];
    if (name.toLowerCase() !== 'retry-after') headers.push(name, value);
    else if (seconds !== undefined) headers.push(name, String(seconds));
  }
  return headers;
}

/** The value of a header, by its name in lower case. */
export function rawHeader(rawHeaders: RawHeaders, name: string): string | undefined {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) return rawHeaders[at + 1];
  }
  return undefined;
}

/** Whether an event may follow what an answer with these headers has sent: in an encoded or counted one it would be none. */
export function takesAnotherEvent(rawHeaders: RawHeaders): boolean {
  const isEventStream = /^text\/event-stream\b/i.test(rawHeader(rawHeaders, 'content-type') ?? '');
  return isEventStream && !['content-length', 'content-encoding'].some((name) => rawHeader(rawHeaders, name));
}

function keep(rawHeaders: RawHeaders, dropped: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  let connection = '';
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''];
    const lower = name.toLowerCase();
    if (!dropped.has(lower)) kept.push(name, value);
    else if (lower === 'connection' && !namesNoHeader.test(value)) connection += `,${value}`;
  }
  return connection === '' ? kept : withoutNamed(kept, connection);
}

/** `Connection: keep-alive, x-secret` makes `x-secret` hop-by-hop too. */
function withoutNamed(headers: RawHeaders, connection: string): string[] {
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  return headers.filter((_, at) => !named.has(headers[at - (at % 2)]?.toLowerCase() ?? ''));
}
