import { invalid } from '../api/refusal.ts';

/** Whether a message with these attributes is for the subscription. */
export type Filter = (attributes: Readonly<Record<string, string>>) => boolean;

const longestFilterBytes = 256;
const deepestNesting = 32;
const token = /\s*(hasPrefix\b|AND\b|OR\b|NOT\b|!=|[-=:().,]|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*)/y;

/**
 * Compiles a subscription's filter:
 * `attributes:k`, `attributes.k = "v"`, `attributes.k != "v"`, `hasPrefix(attributes.k, "v")`, `NOT` or `-`, `AND`, `OR`, parentheses.
 * AND and OR are not mixed without parentheses. An attribute that is absent differs from every value.
 * Source: https://cloud.google.com/pubsub/docs/subscription-message-filter#filtering_syntax
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function compileFilter(text: string): Filter {
  if (text.trim() === '') return () => true;
  if (Buffer.byteLength(text) > longestFilterBytes) {
    throw invalid(`The filter is longer than ${longestFilterBytes} bytes.`);
  }
  const reader = createReader(text);
  const filter = readExpression(reader, 0);
  if (reader.peek() !== undefined) throw reader.fault('AND, OR or the end');
  return filter;
}

interface Reader {
  peek(): string | undefined;
  /** Takes the next token when it is `expected`. */
  take(expected: string): boolean;
  need(expected: string): void;
  next(): string | undefined;
  fault(expected: string): Error;
}

function createReader(text: string): Reader {
  const tokens = tokenize(text);
  let position = 0;
  const reader: Reader = {
    peek: () => tokens[position],
    take: (expected) => {
      if (tokens[position] !== expected) return false;
      position += 1;
      return true;
    },
    need: (expected) => {
      if (!reader.take(expected)) throw reader.fault(expected);
    },
    next: () => tokens[position++],
    fault: (expected) => invalid(`Invalid filter ${text}: ${expected} expected at ${reader.peek() ?? 'the end'}.`),
  };
  return reader;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const pattern = new RegExp(token);
  while (text.slice(pattern.lastIndex).trim() !== '') {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match?.[1]) throw invalid(`Invalid filter ${text}: cannot be read from ${JSON.stringify(text.slice(from))}.`);
    tokens.push(match[1]);
  }
  return tokens;
}

function readExpression(reader: Reader, depth: number): Filter {
  if (depth > deepestNesting) throw reader.fault(`at most ${deepestNesting} levels of nesting`);
  const terms = [readTerm(reader, depth)];
  const joiner = reader.peek();
  if (joiner !== 'AND' && joiner !== 'OR') return (attributes) => terms.every((term) => term(attributes));
  while (reader.take(joiner)) terms.push(readTerm(reader, depth));
  if (reader.peek() === 'AND' || reader.peek() === 'OR') throw reader.fault('parentheses around mixed AND and OR');
  return joiner === 'AND'
    ? (attributes) => terms.every((term) => term(attributes))
    : (attributes) => terms.some((term) => term(attributes));
}

function readTerm(reader: Reader, depth: number): Filter {
  if (reader.take('NOT') || reader.take('-')) {
    const term = readTerm(reader, depth + 1);
    return (attributes) => !term(attributes);
  }
  if (reader.take('(')) {
    const inside = readExpression(reader, depth + 1);
    reader.need(')');
    return inside;
  }
  return reader.take('hasPrefix') ? readPrefix(reader) : readComparison(reader);
}

function readPrefix(reader: Reader): Filter {
  reader.need('(');
  reader.need('attributes');
  reader.need('.');
  const key = readKey(reader);
  reader.need(',');
  const prefix = readString(reader);
  reader.need(')');
  return (attributes) => own(attributes, key)?.startsWith(prefix) ?? false;
}

function readComparison(reader: Reader): Filter {
  reader.need('attributes');
  if (reader.take(':')) {
    const key = readKey(reader);
    return (attributes) => own(attributes, key) !== undefined;
  }
  reader.need('.');
  const key = readKey(reader);
  const differs = reader.take('!=');
  if (!differs) reader.need('=');
  const value = readString(reader);
  return (attributes) => (own(attributes, key) === value) !== differs;
}

function readKey(reader: Reader): string {
  const next = reader.peek() ?? '';
  if (next.startsWith('"')) return readString(reader);
  if (!/^[A-Za-z_]/.test(next)) throw reader.fault('an attribute key');
  reader.next();
  return next;
}

function readString(reader: Reader): string {
  const next = reader.peek();
  if (!next?.startsWith('"')) throw reader.fault('a "string"');
  try {
    const value: string = JSON.parse(next);
    reader.next();
    return value;
  } catch {
    throw reader.fault('a legal "string"');
  }
}

function own(attributes: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
}
