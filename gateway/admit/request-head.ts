import {
  fairnessIdHeaders,
  objectiveHeaders,
  requestIdHeader,
  tpotSloHeaders,
  ttftSloHeaders,
} from '../../shared/inference-gateway/header-names.ts';

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
}

/** Reads the headers that routing looks at, in both spellings; the newer one wins. */
export function readRequestHead(headers: Headers): RequestHead {
  return {
    objectiveName: firstOf(headers, objectiveHeaders),
    tenant: firstOf(headers, fairnessIdHeaders) ?? '',
    ttftSloMs: firstPositive(headers, ttftSloHeaders),
    tpotSloMs: firstPositive(headers, tpotSloHeaders),
  };
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
