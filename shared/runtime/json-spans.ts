/** Where a value stands in the bytes: `start` inclusive, `end` exclusive; and how deep containers nest in it, 0 for a scalar. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** Of requests: deeper counts as no JSON. What the contract allows (256) is far below. */
const mostNestedRequest = 1024;

const decoder = new TextDecoder();
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * The members of the JSON object that fills `bytes` from `from` to `to`: of duplicate keys the last, keys compared as what their
 * escapes stand for. Undefined when that is no valid JSON (RFC 8259), or no object. The bytes must be valid UTF-8.
 * One pass, no recursion, and no value is built.
 * Deeper than a request may be counts as no JSON.
 */
export function objectMembers(bytes: Uint8Array, from = 0, to = bytes.length): ReadonlyMap<string, Span> | undefined {
  return members(bytes, from, to, mostNestedRequest);
}

/** The same of a text whose depth nothing bounds: an answer. */
export function deepMembers(bytes: Uint8Array): ReadonlyMap<string, Span> | undefined {
  return members(bytes, 0, bytes.length, Number.POSITIVE_INFINITY);
}

/** The keys that the JSON object of `bytes` has more than once, each once; none where that is no valid JSON. */
export function repeatedKeys(bytes: Uint8Array): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const whole = scan(bytes, (key) => {
    if (seen.has(key)) repeated.add(key);
    seen.add(key);
  });
  return whole ? [...repeated] : [];
}

/** Where the one JSON value of `bytes` stands, however deep it nests; undefined when they are no valid JSON. */
export function jsonSpan(bytes: Uint8Array): Span | undefined {
  return scan(bytes, () => undefined);
}

export function isObject(bytes: Uint8Array, span: Span): boolean {
  return bytes[span.start] === openBrace;
}

/** The value in JavaScript. The span must come from a scan of these bytes. */
export function parseSpan(bytes: Uint8Array, span: { readonly start: number; readonly end: number }): unknown {
  return JSON.parse(spanText(bytes, span));
}

export function spanText(bytes: Uint8Array, span: { readonly start: number; readonly end: number }): string {
  return decoder.decode(bytes.subarray(span.start, span.end));
}

function members(
  bytes: Uint8Array,
  from: number,
  to: number,
  mostNested: number,
): ReadonlyMap<string, Span> | undefined {
  const text = bytes.subarray(from, to);
  const found = new Map<string, Span>();
  const whole = scan(text, (key, { start, end, depth }) => {
    found.set(key, { start: start + from, end: end + from, depth });
  });
  return whole && whole.depth <= mostNested && isObject(text, whole) ? found : undefined;
}

/** Reports each member of the outermost object in order, and returns the span of the whole value. */
function scan(text: Uint8Array, onMember: (key: string, value: Span) => void): Span | undefined {
  // A byte a level: an array of numbers would be eight times as large as a text of brackets alone.
  let closers = new Uint8Array(64);
  const member = { key: '', start: 0, deepest: 0 };
  let depth = 0;
  let deepest = 0;
  let at = skipBlanks(text, 0);
  const start = at;

  const keyEnd = (): number => {
    const end = stringEnd(text, at);
    const after = skipBlanks(text, end);
    if (end < 0 || text[after] !== colon) return -1;
    if (depth === 1) {
      member.key = parseSpan(text, { start: at, end }) as string;
      member.start = skipBlanks(text, after + 1);
      member.deepest = 1;
    }
    return skipBlanks(text, after + 1);
  };
  const valueEnded = (): void => {
    const inObject = depth === 1 && closers[0] === closeBrace;
    if (inObject) onMember(member.key, { start: member.start, end: at, depth: member.deepest - 1 });
  };

  for (;;) {
    const byte = text[at];
    if (byte === openBrace || byte === openBracket) {
      if (depth === closers.length) closers = grown(closers);
      closers[depth] = byte === openBrace ? closeBrace : closeBracket;
      depth += 1;
      deepest = Math.max(deepest, depth);
      member.deepest = Math.max(member.deepest, depth);
      at = skipBlanks(text, at + 1);
      if (text[at] !== closers[depth - 1]) {
        if (byte === openBrace) at = keyEnd();
        if (at < 0) return undefined;
        continue;
      }
    } else {
      at = scalarEnd(text, at);
      if (at < 0) return undefined;
      valueEnded();
    }

    for (;;) {
      const end = at;
      at = skipBlanks(text, at);
      if (depth === 0) return at === text.length ? { start, end, depth: deepest } : undefined;
      if (text[at] !== closers[depth - 1]) break;
      at += 1;
      depth -= 1;
      valueEnded();
    }
    if (text[at] !== comma) return undefined;
    at = skipBlanks(text, at + 1);
    if (closers[depth - 1] === closeBrace) at = keyEnd();
    if (at < 0) return undefined;
  }
}

/** The same bytes, and as many again. */
function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}

function skipBlanks(text: Uint8Array, from: number): number {
  let at = from;
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at += 1;
  return at;
}

/** The end of the string, number or literal that begins at `at`, or -1. */
function scalarEnd(text: Uint8Array, at: number): number {
  switch (text[at]) {
    case quote:
      return stringEnd(text, at);
    case 0x74:
      return literalEnd(text, at, 'true');
    case 0x66:
      return literalEnd(text, at, 'false');
    case 0x6e:
      return literalEnd(text, at, 'null');
    default:
      return numberEnd(text, at);
  }
}

function literalEnd(text: Uint8Array, at: number, literal: string): number {
  for (let index = 0; index < literal.length; index += 1) {
    if (text[at + index] !== literal.charCodeAt(index)) return -1;
  }
  return at + literal.length;
}

function stringEnd(text: Uint8Array, from: number): number {
  if (text[from] !== quote) return -1;
  let at = from + 1;
  for (;;) {
    const byte = text[at];
    if (byte === undefined || byte < 0x20) return -1;
    if (byte === quote) return at + 1;
    at = byte === backslash ? escapeEnd(text, at + 1) : at + 1;
    if (at < 0) return -1;
  }
}

function escapeEnd(text: Uint8Array, at: number): number {
  const byte = text[at];
  if (byte === undefined) return -1;
  if (byte !== 0x75) return '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? at + 1 : -1;
  for (let index = 1; index <= 4; index += 1) if (!isHexDigit(text[at + index])) return -1;
  return at + 5;
}

function numberEnd(text: Uint8Array, from: number): number {
  let at = text[from] === 0x2d ? from + 1 : from;
  at = text[at] === 0x30 ? at + 1 : digitsEnd(text, at);
  if (at > 0 && text[at] === 0x2e) at = digitsEnd(text, at + 1);
  if (at > 0 && (text[at] === 0x65 || text[at] === 0x45)) {
    const signed = text[at + 1] === 0x2b || text[at + 1] === 0x2d;
    at = digitsEnd(text, signed ? at + 2 : at + 1);
  }
  return at;
}

/** At least one digit, or -1. */
function digitsEnd(text: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(text[at])) at += 1;
  return at > from ? at : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
