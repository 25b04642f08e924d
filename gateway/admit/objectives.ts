import * as z from 'zod/mini';
import { readJson } from '../../shared/runtime/config/json-text.ts';
import type { Parsed } from '../../shared/runtime/config/variables.ts';

/** A named priority, with the service level of requests that bring none of their own. */
export interface Objective {
  readonly name: string;
  /** Higher goes first; below 0 is sheddable. */
  readonly priority: number;
  readonly ttftMs?: number;
  readonly tpotMs?: number;
  /** Share of requests in [0, 1] that may miss the service level. */
  readonly missBudget?: number;
  /** The longest wait in the queue, in seconds, above 0. */
  readonly ttlSeconds?: number;
}

/** All objectives by name. */
export type Objectives = ReadonlyMap<string, Objective>;

const namePattern = /^[A-Za-z0-9._-]{1,128}$/;

/** Reads `interactive=100,standard=0`. */
export function parseObjectiveList(raw: string): Parsed<Objectives> {
  const objectives = new Map<string, Objective>();
  for (const item of raw.split(',')) {
    const [name = '', priority = '', ...surplus] = item.split('=').map((part) => part.trim());
    if (!namePattern.test(name) || !/^-?\d{1,9}$/.test(priority) || surplus.length > 0 || objectives.has(name)) {
      return { fault: 'must be a comma list of name=priority with whole numbers and no name twice' };
    }
    objectives.set(name, { name, priority: Number(priority) });
  }
  return { value: objectives };
}

const optionalPositive = (what: string) => z.exactOptional(z.number(what).check(z.positive(what)));
const budget = 'a missBudget from 0 to 1, or none';

const objectiveFile = z.record(
  z.string().check(z.regex(namePattern)),
  z.object(
    {
      priority: z.int('a whole number as priority'),
      ttftMs: optionalPositive('positive milliseconds as ttftMs, or none'),
      tpotMs: optionalPositive('positive milliseconds as tpotMs, or none'),
      missBudget: z.exactOptional(z.number(budget).check(z.gte(0, budget), z.lte(1, budget))),
      ttlSeconds: optionalPositive('positive seconds as ttlSeconds, or none'),
    },
    'an object',
  ),
  {
    error: ({ code }) =>
      code === 'invalid_key'
        ? 'a name of at most 128 letters, digits, dots, dashes and underscores'
        : 'must be a JSON object of name to objective',
  },
);

/** Reads `{"interactive":{"priority":100,"ttftMs":1000,"tpotMs":50,"missBudget":0.01,"ttlSeconds":30}}`. */
export function parseObjectiveFile(text: string): Parsed<Objectives> {
  const read = readJson(text, objectiveFile);
  if ('fault' in read) return read;
  const objectives = Object.entries(read.value).map(([name, fields]) => [name, { name, ...fields }] as const);
  return objectives.length > 0 ? { value: new Map(objectives) } : { fault: 'must name at least one objective' };
}
