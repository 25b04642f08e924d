import { type Token, tokens, unquoted } from './filter-tokens.ts';
import { InvalidArgument, type SeriesIdentity } from './time-series.ts';

/** A filter, parsed. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | { readonly kind: 'comparison'; readonly field: Field; readonly test: Test };

/** `project`, `metric.type`, `resource.type`, or a label of one of the two. */
export interface Field {
  readonly of: 'metric' | 'resource' | 'project';
  /** Absent for the type itself. */
  readonly label?: string;
}

/** What a field is compared with, and how. */
export interface Test {
  readonly name: 'equals' | 'starts_with' | 'ends_with' | 'has_substring' | 'one_of' | 'monitoring.regex.full_match';
  readonly values: readonly string[];
}

const functions: Readonly<Record<string, Test['name']>> = {
  starts_with: 'starts_with',
  ends_with: 'ends_with',
  has_substring: 'has_substring',
  one_of: 'one_of',
  'monitoring.regex.full_match': 'monitoring.regex.full_match',
};

const deepest = 64;

/**
 * Reads a Monitoring filter. NOT binds first, then OR, then AND, and an AND may be left out.
 * Sources: https://cloud.google.com/monitoring/api/v3/filters and https://google.aip.dev/160 for the precedence.
 * @throws {InvalidArgument} with what was expected and where.
 */
export function parseFilter(filter: string): Filter {
  const stream = tokens(filter);
  let next = 0;
  let depth = 0;
  const peek = () => stream[next] as Token;
  const take = () => {
    const token = peek();
    if (token.kind !== 'end') next += 1;
    return token;
  };
  const accept = (text: string) => peek().kind !== 'text' && peek().text === text && take() !== undefined;
  const fail = (expected: string, { text, at }: Token): never => {
    throw new InvalidArgument(`the filter wants ${expected} at character ${at}, and has ${text}`);
  };

  function conjunction(): Filter {
    const parts = [disjunction()];
    while (peek().kind !== 'end' && peek().text !== ')') {
      accept('AND');
      parts.push(disjunction());
    }
    return parts.length === 1 ? (parts[0] as Filter) : { kind: 'and', parts };
  }

  function disjunction(): Filter {
    const parts = [negation()];
    while (accept('OR')) parts.push(negation());
    return parts.length === 1 ? (parts[0] as Filter) : { kind: 'or', parts };
  }

  function negation(): Filter {
    if (accept('NOT') || accept('-')) return { kind: 'not', part: term() };
    return term();
  }

  function term(): Filter {
    if (!accept('(')) return comparison();
    depth += 1;
    if (depth > deepest) throw new InvalidArgument(`the filter nests more than ${deepest} parentheses`);
    const inner = conjunction();
    depth -= 1;
    if (!accept(')')) fail('")"', peek());
    return inner;
  }

  function comparison(): Filter {
    const name = take();
    if (name.kind !== 'word') fail('a field', name);
    const quotedLabel = name.text.endsWith('.') && peek().kind === 'text' ? unquoted(take().text) : '';
    const field = readField(name.text + quotedLabel) ?? fail('metric or resource, .type or .labels.NAME', name);
    const operator = take();
    if (operator.text === ':') {
      return { kind: 'comparison', field, test: { name: 'has_substring', values: [value()] } };
    }
    const equals = { kind: 'comparison', field, test: operand() } as const;
    if (operator.text === '=') return equals;
    if (operator.text === '!=') return { kind: 'not', part: equals };
    return fail('=, != or :', operator);
  }

  function operand(): Test {
    const name = functions[peek().text];
    if (peek().kind !== 'word' || stream[next + 1]?.text !== '(') return { name: 'equals', values: [value()] };
    if (!name) return fail(`one of ${Object.keys(functions).join(', ')}`, peek());
    next += 2;
    const values = [value()];
    while (accept(',')) values.push(value());
    if (!accept(')')) fail('")"', peek());
    if (name !== 'one_of' && values.length > 1) throw new InvalidArgument(`${name} takes one value`);
    if (name === 'monitoring.regex.full_match') wholeMatch(values[0] as string);
    return { name, values };
  }

  function value(): string {
    const token = take();
    if (token.kind === 'text') return unquoted(token.text);
    return token.kind === 'word' ? token.text : fail('a value', token);
  }

  const read = conjunction();
  if (peek().kind !== 'end') fail('the end', peek());
  return read;
}

/** Whether a series passes the filter. */
export function matches(filter: Filter, identity: SeriesIdentity): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.parts.every((part) => matches(part, identity));
    case 'or':
      return filter.parts.some((part) => matches(part, identity));
    case 'not':
      return !matches(filter.part, identity);
    case 'comparison':
      return passes(filter.test, fieldText(filter.field, identity));
  }
}

/** @throws {InvalidArgument} unless the filter names one metric type with `=`, and outside NOT. */
export function singleMetricType(filter: Filter): string {
  const tests = metricTypeTests(filter);
  const [only] = tests;
  if (tests.length !== 1 || only?.name !== 'equals') {
    throw new InvalidArgument('the filter must name exactly one metric type: metric.type = "…"');
  }
  return only.values[0] as string;
}

function metricTypeTests(filter: Filter): Test[] {
  if (filter.kind === 'comparison') {
    return filter.field.of === 'metric' && filter.field.label === undefined ? [filter.test] : [];
  }
  return filter.kind === 'not' ? [] : filter.parts.flatMap(metricTypeTests);
}

function readField(path: string): Field | undefined {
  if (path === 'project') return { of: 'project' };
  const [, of, label] = /^(metric|resource)\.(?:type$|labels?\.(.+))/s.exec(path) ?? [];
  if (of !== 'metric' && of !== 'resource') return undefined;
  return label === undefined ? { of } : { of, label };
}

function fieldText(field: Field, { metric, resource }: SeriesIdentity): string {
  if (field.of === 'project') return resource.labels.project_id ?? '';
  const labelled = field.of === 'metric' ? metric : resource;
  return field.label === undefined ? labelled.type : (labelled.labels[field.label] ?? '');
}

function passes({ name, values }: Test, actual: string): boolean {
  const [first = ''] = values;
  switch (name) {
    case 'equals':
    case 'one_of':
      return values.includes(actual);
    case 'starts_with':
      return actual.startsWith(first);
    case 'ends_with':
      return actual.endsWith(first);
    case 'has_substring':
      return actual.includes(first);
    case 'monitoring.regex.full_match':
      return wholeMatch(first).test(actual);
  }
}

function wholeMatch(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, 's');
  } catch {
    throw new InvalidArgument(`${JSON.stringify(pattern)} is no regular expression`);
  }
}
