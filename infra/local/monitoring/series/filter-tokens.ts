import { InvalidArgument } from './time-series.ts';

/** A token of a filter. */
export interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  readonly text: string;
  /** Characters from the beginning of the filter. */
  readonly at: number;
}

const blank = /\s+/y;
const forms: readonly (readonly [Token['kind'], RegExp])[] = [
  ['word', /[A-Za-z0-9_][\w.]*/y],
  ['text', /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y],
  ['sign', /!=|[=:(),-]/y],
];

/** @throws {InvalidArgument} at the first character that begins no token. */
export function tokens(filter: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < filter.length) {
    const skipped = matchAt(blank, filter, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const token = tokenAt(filter, at);
    found.push(token);
    at += token.text.length;
  }
  return [...found, { kind: 'end', text: 'the end', at }];
}

/** The text of a quoted string: a backslash takes the next character as it is. */
export function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, '$1');
}

function tokenAt(filter: string, at: number): Token {
  for (const [kind, form] of forms) {
    const text = matchAt(form, filter, at);
    if (text !== undefined) return { kind, text, at };
  }
  throw new InvalidArgument(`the filter has ${JSON.stringify(filter.at(at))} at character ${at}, which begins nothing`);
}

function matchAt(form: RegExp, filter: string, at: number): string | undefined {
  form.lastIndex = at;
  return form.exec(filter)?.[0];
}
