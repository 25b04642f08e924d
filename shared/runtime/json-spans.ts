import { plainUntil } from './plain-text.ts';

/** Where a value stands in the bytes: `start` inclusive, `end` exclusive; and how deep containers nest in it, 0 for a scalar. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** Of requests: deeper counts as no JSON. What the contract allows (256) is far below. Derived: four times that. */
const mostNestedRequest = 1024;

const decoder = new TextDecoder();
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
/** The bytes of a string that are looked at one by one, before looking at four at once begins to pay. Measured. */
const shortTextBytes = 32;

/**
 * The members of the JSON object that fills `bytes` from `from` to `to`: of duplicate keys the last, keys compared as what their
 * escapes stand for. Undefined when that is no valid JSON (RFC 8259), or no object. The bytes must be valid UTF-8.
 * One pass, no recursion, and no value is built. Where `wanted` names members (in ASCII), no other key is built either: an object of
 * a million keys then costs what its bytes cost.
 * Deeper than a request may be counts as no JSON.
 */
export function objectMembers(
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
  wanted?: readonly string[],
): ReadonlyMap<string, Span> | undefined {
  return members(bytes.subarray(from, to), from, mostNestedRequest, wanted);
}

/** The same of a text whose depth nothing bounds: an answer. */
export function deepMembers(bytes: Uint8Array, wanted: readonly string[]): ReadonlyMap<string, Span> | undefined {
  return members(bytes, 0, Number.POSITIVE_INFINITY, wanted);
}

/** The keys that the JSON object of `bytes` has more than once, each once; none where that is no valid JSON. */
export function repeatedKeys(bytes: Uint8Array): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const nameOf = (start: number, end: number): string => keyText(bytes, start, end);
  const whole = scan(bytes, nameOf, (key) => {
    if (seen.has(key)) repeated.add(key);
    seen.add(key);
  });
  return whole ? [...repeated] : [];
}

/** Where the one JSON value of `bytes` stands, however deep it nests; undefined when they are no valid JSON. */
export function jsonSpan(bytes: Uint8Array): Span | undefined {
  return scan(
    bytes,
    () => undefined,
    () => undefined,
  );
}

/** Whether the value there is an object. */
export function isObject(bytes: Uint8Array, span: Span): boolean {
  return bytes[span.start] === openBrace;
}

/** Whether the value there is a string. */
export function isString(bytes: Uint8Array, span: Span): boolean {
  return bytes[span.start] === quote;
}

/** Whether the value there is `null`. */
export function isNull(bytes: Uint8Array, span: Span): boolean {
  return bytes[span.start] === 0x6e;
}

/** The value in JavaScript. The span must come from a scan of these bytes. */
export function parseSpan(bytes: Uint8Array, span: { readonly start: number; readonly end: number }): unknown {
  return JSON.parse(spanText(bytes, span));
}

/** The value as it is written. */
export function spanText(bytes: Uint8Array, span: { readonly start: number; readonly end: number }): string {
  return decoder.decode(bytes.subarray(span.start, span.end));
}

/** `from`: where the text begins in the bytes that the spans are told of. */
function members(
  text: Uint8Array,
  from: number,
  mostNested: number,
  wanted: readonly string[] | undefined,
): ReadonlyMap<string, Span> | undefined {
  const found = new Map<string, Span>();
  const nameOf = wanted
    ? (start: number, end: number) => {
        for (const name of wanted) if (isKey(text, start, end, name)) return name;
        return undefined;
      }
    : (start: number, end: number) => keyText(text, start, end);
  const whole = scan(text, nameOf, (key, { start, end, depth }) => {
    found.set(key, { start: start + from, end: end + from, depth });
  });
  return whole && whole.depth <= mostNested && isObject(text, whole) ? found : undefined;
}

function keyText(text: Uint8Array, start: number, end: number): string {
  return parseSpan(text, { start, end }) as string;
}

/** Reports each member of the outermost object whose key `nameOf` gives a name, in order, and returns the span of the whole value. */
function scan(
  text: Uint8Array,
  nameOf: (start: number, end: number) => string | undefined,
  onMember: (key: string, value: Span) => void,
): Span | undefined {
  // A byte a level: an array of numbers would be eight times as large as a text of brackets alone.
  let closers = new Uint8Array(64);
  const member: { key: string | undefined; start: number; deepest: number } = { key: '', start: 0, deepest: 0 };
  let depth = 0;
  let deepest = 0;
  let at = skipBlanks(text, 0);
  const start = at;

  const keyEnd = (): number => {
    const end = stringEnd(text, at);
    const after = skipBlanks(text, end);
    if (end < 0 || text[after] !== colon) return -1;
    if (depth === 1) {
      member.key = nameOf(at, end);
      member.start = skipBlanks(text, after + 1);
      member.deepest = 1;
    }
    return skipBlanks(text, after + 1);
  };
  const valueEnded = (): void => {
    const inObject = depth === 1 && closers[0] === closeBrace;
    if (inObject && member.key !== undefined)
      onMember(member.key, { start: member.start, end: at, depth: member.deepest - 1 });
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

/** Whether the key in quotes that stands from `start` to `end` is this name, whatever of it is escaped. */
function isKey(text: Uint8Array, start: number, end: number, name: string): boolean {
  let at = start + 1;
  for (let index = 0; index < name.length; index += 1) {
    const isEscape = text[at] === backslash;
    // No name of ours has a character that a short escape stands for.
    const code = isEscape ? unicodeEscape(text, at) : text[at];
    if (code !== name.charCodeAt(index)) return false;
    at += isEscape ? 6 : 1;
  }
  return at === end - 1;
}

/** The ASCII character that `\u00XX` at `at` stands for; NaN for any other escape. */
function unicodeEscape(text: Uint8Array, at: number): number {
  const isAscii = text[at + 1] === 0x75 && text[at + 2] === 0x30 && text[at + 3] === 0x30;
  return isAscii ? hexDigit(text[at + 4]) * 16 + hexDigit(text[at + 5]) : Number.NaN;
}

function hexDigit(byte = 0): number {
  return isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57;
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
  let skipsFrom = at + shortTextBytes;
  for (;;) {
    if (at >= skipsFrom) {
      at = plainUntil(text, at);
      // Where a text is full of escapes, looking for plain words after each of them pays no more.
      skipsFrom = at + shortTextBytes;
    }
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
