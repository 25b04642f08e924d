import { requestIdHeader, servedEndpointHeader } from '../../shared/failures/header-names.ts';

/** Headers that belong to one connection. Source: RFC 9110 §7.6.1, and the de-facto ones. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** What the client says to the gateway alone, or the gateway says anew. */
const dropFromRequest = new Set([...hopByHop, 'host', 'content-length', 'expect', 'authorization', requestIdHeader]);
const dropFromAnswer = new Set([...hopByHop, requestIdHeader, servedEndpointHeader]);

/** Name, value, name, value …, as they stood on the wire. */
type RawHeaders = readonly string[];

export function requestHeadersFor(rawHeaders: RawHeaders, requestId: string): string[] {
  const kept = keep(rawHeaders, dropFromRequest);
  kept.push(requestIdHeader, requestId);
  return kept;
}

export function answerHeadersFor(rawHeaders: RawHeaders, requestId: string, servedBy: string): string[] {
  const kept = keep(rawHeaders, dropFromAnswer);
  kept.push(requestIdHeader, requestId, servedEndpointHeader, servedBy);
  return kept;
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
  const named = namedByConnection(rawHeaders);
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const lower = name.toLowerCase();
    if (!dropped.has(lower) && !named?.includes(lower)) kept.push(name, rawHeaders[at + 1] ?? '');
  }
  return kept;
}

/** `Connection: keep-alive, x-secret` makes `x-secret` hop-by-hop too. */
function namedByConnection(rawHeaders: RawHeaders): readonly string[] | undefined {
  const connection = rawHeader(rawHeaders, 'connection');
  return connection?.split(',').map((name) => name.trim().toLowerCase());
}
