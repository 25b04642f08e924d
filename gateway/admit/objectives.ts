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

/** Reads `{"interactive":{"priority":100,"ttftMs":1000,"tpotMs":50,"missBudget":0.01,"ttlSeconds":30}}`. */
export function parseObjectiveFile(text: string): Parsed<Objectives> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { fault: 'must be JSON' };
  }
  if (!isRecord(json)) return { fault: 'must be a JSON object of name to objective' };
  const objectives = new Map<string, Objective>();
  for (const [name, fields] of Object.entries(json)) {
    if (!namePattern.test(name) || !isRecord(fields)) return { fault: `must give ${JSON.stringify(name)} an object` };
    const { priority, ttftMs, tpotMs, missBudget, ttlSeconds } = fields;
    if (!Number.isSafeInteger(priority)) return { fault: `must give ${name} a whole number as priority` };
    if (!isAbsentOr(isPositive, ttftMs) || !isAbsentOr(isPositive, tpotMs)) {
      return { fault: `must give ${name} positive milliseconds as ttftMs and tpotMs, or leave them out` };
    }
    if (!isAbsentOr(isShare, missBudget)) return { fault: `must give ${name} a missBudget from 0 to 1` };
    if (!isAbsentOr(isPositive, ttlSeconds))
      return { fault: `must give ${name} positive ttlSeconds, or leave them out` };
    objectives.set(name, {
      name,
      priority: priority as number,
      ...(ttftMs === undefined ? {} : { ttftMs }),
      ...(tpotMs === undefined ? {} : { tpotMs }),
      ...(missBudget === undefined ? {} : { missBudget }),
      ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    });
  }
  return objectives.size > 0 ? { value: objectives } : { fault: 'must name at least one objective' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsentOr(is: (value: unknown) => value is number, value: unknown): value is number | undefined {
  return value === undefined || is(value);
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}
