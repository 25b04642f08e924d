import { type ControlAction, type ControlRule, controlFields } from '../../../shared/control/control-document.ts';
import { type UnixMs, wallClock } from '../../../shared/runtime/clock.ts';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { custom, flag, text } from '../../../shared/runtime/config/variables.ts';
import { findStack } from '../local-stack.ts';
import { changeRules, resumed, withRule } from './change-rules.ts';
import { messagesText, rulesText } from './rules-text.ts';
import { findStore } from './store-of.ts';

const obeyed = 'Every instance obeys within five seconds.';
const chosen = `Messages are those of which everything that is named is equal: several flags narrow each other.
It writes the control document in STORE of the stack that npm start runs, in STORE where that is set, or in --store.`;

const fieldFlags = {
  id: text('--id', { meaning: 'of a request' }),
  job: text('--job', { meaning: 'of a submission or batch, as submit tells it' }),
  tenant: text('--tenant', { meaning: 'whose messages' }),
  subscription: text('--subscription', { meaning: 'id of the request subscription' }),
  pool: text('--pool', { meaning: 'INFERENCE_POOL, or the pool’s name in metrics' }),
  all: flag('--all', { default: 'false', meaning: 'all messages, where nothing else is named' }),
  store: text('--store', { meaning: 'gs://bucket[/prefix] or file:/folder' }),
};
const until = custom<UnixMs, { meaning: string }>(
  '--until',
  { meaning: 'when it ends by itself, like 2026-12-01T06:00:00Z' },
  (raw) => {
    const atMs = /^\d{4}-\d\d-\d\dT/.test(raw) ? Date.parse(raw) : Number.NaN;
    return Number.isNaN(atMs) ? { fault: 'must be a time like 2026-12-01T06:00:00Z' } : { value: atMs as UnixMs };
  },
);

/** `backfill pause`. */
export async function pause(argv: readonly string[], usage: string): Promise<number> {
  const about = `Pauses messages: they wait in Pub/Sub, and cost no attempt. Calls that are under way end; deadlines go on.\n${chosen}`;
  const { flags } = readCommandLine({ usage, about, flags: { ...fieldFlags, until } }, argv);
  return add('pause', flags, flags.until);
}

/** `backfill cancel`. */
export async function cancel(argv: readonly string[], usage: string): Promise<number> {
  const about = `Cancels messages: each gets its result with CANCELLED, also one whose call is under way, until the rule is taken out of the document.\n${chosen}`;
  const { flags } = readCommandLine({ usage, about, flags: { ...fieldFlags, until } }, argv);
  return add('cancel', flags, flags.until);
}

/** `backfill resume`. */
export async function resume(argv: readonly string[], usage: string): Promise<number> {
  const about = `Takes back a pause of exactly these messages; --all takes back every pause.\n${chosen}`;
  const { flags } = readCommandLine({ usage, about, flags: fieldFlags }, argv);
  const fields = fieldsOf(flags);
  const store = await findStore(flags.store, process.env, findStack());
  let taken = 0;
  const rules = await changeRules(
    store,
    (before) => {
      const after = resumed(before, flags.all ? undefined : fields);
      taken = before.length - after.length;
      return after;
    },
    wallClock.unixMs(),
  );
  const what = flags.all ? 'every pause' : `the pause of ${messagesText(fields)}`;
  say(taken === 0 ? `There is no such pause: ${what}.` : `Took back ${what}. ${obeyed}`, rulesText(rules));
  return taken === 0 ? 1 : 0;
}

interface FieldFlags extends ControlFields {
  readonly all: boolean;
  readonly store: string | undefined;
}

type ControlFields = Readonly<Record<(typeof controlFields)[number], string | undefined>>;

async function add(action: ControlAction, flags: FieldFlags, untilMs: UnixMs | undefined): Promise<number> {
  const fields = fieldsOf(flags);
  const store = await findStore(flags.store, process.env, findStack());
  const rules = await changeRules(store, (before) => withRule(before, { action, fields, untilMs }), wallClock.unixMs());
  say(`${action === 'pause' ? 'Paused' : 'Cancelled'}: ${messagesText(fields)}. ${obeyed}`, rulesText(rules));
  return 0;
}

/** @throws {Error} when nothing is named, or something beside all */
function fieldsOf(flags: FieldFlags): ControlRule['fields'] {
  const named = controlFields.flatMap((field) => (flags[field] === undefined ? [] : [[field, flags[field]]]));
  const names = controlFields.map((field) => `--${field}`).join(', ');
  if (named.length === 0 && !flags.all)
    throw new Error(`name the messages with one or more of ${names}, or with --all`);
  if (named.length > 0 && flags.all) throw new Error(`--all is not expected beside ${names}`);
  return Object.fromEntries(named);
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
