import type { UnixMs } from '../runtime/clock.ts';
import { decodeUtf8 } from '../runtime/utf8.ts';

/** The object of `STORE` that holds the document. Protocol: contract §12. */
export const controlName = 'control.json';
/** A document is no longer than that. Derived: ten thousand rules of a hundred bytes. */
export const maxControlBytes = 1024 * 1024;
/** Derived: each message is compared with all of them, within a millisecond. */
const maxRules = 10_000;

/** By what a rule may tell messages. */
export const controlFields = ['id', 'job', 'tenant', 'subscription', 'pool'] as const;
/** One of them. */
export type ControlField = (typeof controlFields)[number];
/** What a rule may do with messages. */
export const controlActions = ['cancel', 'pause'] as const;
/** One of them. */
export type ControlAction = (typeof controlActions)[number];

/** What is to become of the messages of which every field that the rule names is equal. Protocol: contract §13. */
export interface ControlRule {
  readonly action: ControlAction;
  readonly fields: Readonly<Partial<Record<ControlField, string>>>;
  /** When the rule ends; undefined where it does not. */
  readonly untilMs: UnixMs | undefined;
}

/** What rules look at; a message may be known by more than one text of a kind: a subscription by its id and its full name. */
export type ControlTarget = Readonly<Record<ControlField, readonly string[]>>;

/** The rules of a document's bytes, or what is wrong with it: one bad rule spoils it all, so that none is taken for another. */
export function readControlDocument(data: Uint8Array): readonly ControlRule[] | { readonly fault: string } {
  const text = decodeUtf8(data);
  let document: unknown;
  try {
    document = JSON.parse(text ?? '');
  } catch {
    return { fault: 'is no JSON' };
  }
  const rules = isRecord(document) ? document.rules : undefined;
  if (!Array.isArray(rules)) return { fault: 'has no list of rules' };
  if (rules.length > maxRules) return { fault: `has more than ${maxRules} rules` };
  const read = rules.map(readRule);
  const fault = read.find((rule) => 'fault' in rule);
  return fault ?? (read as ControlRule[]);
}

/** The document that `readControlDocument` reads as these rules. */
export function writeControlDocument(rules: readonly ControlRule[]): string {
  const written = rules.map(({ action, fields, untilMs }) => ({
    action,
    ...fields,
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
  }));
  return `${JSON.stringify({ rules: written }, null, 1)}\n`;
}

/** What the rules say of a message now: to cancel wins over to pause. */
export function controlOf(
  rules: readonly ControlRule[],
  target: ControlTarget,
  nowMs: UnixMs,
): ControlAction | undefined {
  let found: ControlAction | undefined;
  for (const rule of rules) {
    if (!matches(rule, target, nowMs)) continue;
    if (rule.action === 'cancel') return 'cancel';
    found = rule.action;
  }
  return found;
}

function matches({ fields, untilMs }: ControlRule, target: ControlTarget, nowMs: UnixMs): boolean {
  if (untilMs !== undefined && untilMs <= nowMs) return false;
  return controlFields.every((field) => fields[field] === undefined || target[field].includes(fields[field]));
}

function readRule(rule: unknown, index: number): ControlRule | { readonly fault: string } {
  const at = `rule ${index + 1}`;
  if (!isRecord(rule)) return { fault: `${at} is no object` };
  const { action, until, ...named } = rule;
  if (!isAction(action)) return { fault: `${at} must have an action: ${controlActions.join(' or ')}` };
  const fields: Partial<Record<ControlField, string>> = {};
  for (const [name, value] of Object.entries(named)) {
    if (value === null) continue;
    const field = controlFields.find((known) => known === name);
    if (!field)
      return {
        fault: `${at} names ${JSON.stringify(name.slice(0, 64))}, which is none of ${controlFields.join(', ')}`,
      };
    if (typeof value !== 'string') return { fault: `${at} must have a text as ${field}` };
    fields[field] = value;
  }
  if (until === undefined || until === null) return { action, fields, untilMs: undefined };
  const untilMs = typeof until === 'string' && instantForm.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(untilMs)) return { fault: `${at} must have an RFC 3339 time as until, like 2026-12-01T06:00:00Z` };
  return { action, fields, untilMs: untilMs as UnixMs };
}

const instantForm = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function isAction(value: unknown): value is ControlAction {
  return controlActions.some((action) => action === value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
