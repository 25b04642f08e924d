import { type ControlRule, controlFields } from '../../../shared/control/control-document.ts';
import { printable } from '../terminal/printable.ts';

/** The messages that a rule names: `job b-17 of tenant acme`. */
export function messagesText(fields: ControlRule['fields']): string {
  const named = controlFields.flatMap((field) =>
    fields[field] === undefined ? [] : [`${field} ${printable(fields[field], 80)}`],
  );
  return named.length === 0 ? 'all messages' : named.join(', ');
}

/** The rules in force, a line each. */
export function rulesText(rules: readonly ControlRule[]): string {
  if (rules.length === 0) return 'No rule is in force.';
  const lines = rules.map(({ action, fields, untilMs }) => {
    const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
    return `  ${action === 'pause' ? 'paused' : 'cancelled'}: ${messagesText(fields)}${until}`;
  });
  return `In force:\n${lines.join('\n')}`;
}
