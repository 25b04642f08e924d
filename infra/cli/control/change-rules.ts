import {
  type ControlRule,
  controlName,
  maxControlBytes,
  readControlDocument,
  writeControlDocument,
} from '../../../shared/control/control-document.ts';
import type { UnixMs } from '../../../shared/runtime/clock.ts';
import { Changed, none, type Store } from '../../../shared/store/store.ts';

/** Others may write at the same time; more than that, and something is wrong. */
const mostTries = 20;

/**
 * Writes the document with other rules, never over a change that was not seen; rules whose time is over are left out.
 * @returns the rules that are in force now
 * @throws {Error} when the document cannot be read, or would be none
 */
export async function changeRules(
  store: Pick<Store, 'read' | 'write' | 'uriOf'>,
  change: (rules: readonly ControlRule[]) => readonly ControlRule[],
  nowMs: UnixMs,
): Promise<readonly ControlRule[]> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const found = await store.read(controlName, maxControlBytes);
    const before = found ? readControlDocument(found.data) : [];
    if ('fault' in before) {
      throw new Error(`${store.uriOf(controlName)} ${before.fault}; nothing was changed: put it right, or remove it`);
    }
    const rules = change(before.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs));
    const data = Buffer.from(writeControlDocument(rules));
    const after = data.length > maxControlBytes ? { fault: 'would be too large' } : readControlDocument(data);
    if ('fault' in after) throw new Error(`the control document ${after.fault}; nothing was changed`);
    try {
      await store.write(controlName, data, found?.generation ?? none);
      return after;
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
    }
  }
  throw new Error('others keep changing the control document; nothing was changed');
}

/** The rules with this one; one that is the same already is not written twice. */
export function withRule(rules: readonly ControlRule[], added: ControlRule): readonly ControlRule[] {
  return [...rules.filter((rule) => !isSame(rule, added)), added];
}

/** The rules without those that pause exactly these messages; `undefined` takes out all that pause. */
export function resumed(
  rules: readonly ControlRule[],
  fields: ControlRule['fields'] | undefined,
): readonly ControlRule[] {
  return rules.filter(
    (rule) => rule.action !== 'pause' || (fields !== undefined && !isSame(rule, { ...rule, fields })),
  );
}

function isSame(one: ControlRule, other: ControlRule): boolean {
  return one.action === other.action && fieldsText(one.fields) === fieldsText(other.fields);
}

function fieldsText(fields: ControlRule['fields']): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
