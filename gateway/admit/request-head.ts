import {
  fairnessIdHeaders,
  objectiveHeaders,
  queueTtlHeader,
  requestIdHeader,
  tpotSloHeaders,
  ttftSloHeaders,
} from '../../shared/inference-gateway/header-names.ts';
import { parseTraceparent } from '../../shared/runtime/trace-context.ts';
import { parseGoDuration } from './go-duration.ts';

/** Headers as Node gives them: names in lower case; those that may come several times are lists. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a request says of itself in its headers. */
export interface RequestHead {
  /** Undefined when the request names no objective. */
  readonly objectiveName: string | undefined;
  /** The fairness id; empty when the request brings none. */
  readonly tenant: string;
  /** Above 0; undefined when the request brings no target for its TTFT. */
  readonly ttftSloMs: number | undefined;
  /** Above 0; undefined when the request brings no target for its TPOT. */
  readonly tpotSloMs: number | undefined;
  /** Above 0; undefined when the request does not limit its wait in the queue. */
  readonly queueTtlMs: number | undefined;
  /** 32 hexadecimal digits; undefined when the request belongs to no trace. */
  readonly traceId: string | undefined;
}

/** The families of header names that may be read: the first of a pair is the newer one. */
export const spellings = ['both', 'new', 'old'] as const;
/** Which family of header names is trusted. */
export type Spelling = (typeof spellings)[number];

/** Reads the headers that routing looks at, in the spellings that are trusted; of two the newer one wins. */
export function readRequestHead(headers: Headers, trusted: Spelling = 'both'): RequestHead {
  const { traceparent, [queueTtlHeader]: queueTtl } = headers;
  return {
    objectiveName: firstOf(headers, inSpelling(objectiveHeaders, trusted)),
    tenant: firstOf(headers, inSpelling(fairnessIdHeaders, trusted)) ?? '',
    ttftSloMs: firstPositive(headers, inSpelling(ttftSloHeaders, trusted)),
    tpotSloMs: firstPositive(headers, inSpelling(tpotSloHeaders, trusted)),
    queueTtlMs: typeof queueTtl === 'string' ? parseGoDuration(queueTtl.trim()) : undefined,
    traceId: typeof traceparent === 'string' ? parseTraceparent(traceparent)?.traceId : undefined,
  };
}

function inSpelling(pair: readonly [newer: string, older: string], trusted: Spelling): readonly string[] {
  if (trusted === 'both') return pair;
  return [trusted === 'new' ? pair[0] : pair[1]];
}

/** Reads the request's own id. Undefined when it has none, or one that must not stand in a header or a log line. */
export function readRequestId(headers: Headers): string | undefined {
  const id = headers[requestIdHeader];
  return typeof id === 'string' && /^[\x21-\x7e]{1,256}$/.test(id) ? id : undefined;
}

/** The newer spelling comes first and wins; an empty value counts as absent. */
function firstOf(headers: Headers, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return undefined;
}

/** A value that is no number above 0 counts as absent. */
function firstPositive(headers: Headers, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = Number(headers[name]);
    if (Number.isFinite(value) && value > 0) return value;
  }
  return undefined;
}
