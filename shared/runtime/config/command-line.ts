import { parseArgs } from 'node:util';
import { ConfigError, readConfig, type Schema, type Values } from './read-config.ts';

/** A command line, as `--help` shows it. */
export interface Command<S extends Schema> {
  /** As it is typed: `npm run local:pubsub --`. */
  readonly usage: string;
  /** One sentence. */
  readonly about: string;
  /** Variables whose names are flags: `--port`. One read by `flag` takes no value. */
  readonly flags: S;
  /** Name of the positional argument, as in `FILE`; absent when there is none. */
  readonly positional?: string;
}

/** What was typed. */
export interface CommandLine<S extends Schema> {
  readonly flags: Values<S>;
  readonly positional: string | undefined;
}

/** Reads `argv`, or ends the process: `--help` with 0, faults (each on its line) with 2. */
export function readCommandLine<S extends Schema>(command: Command<S>, argv: readonly string[]): CommandLine<S> {
  try {
    const read = parseCommandLine(command, argv);
    if (read !== 'help') return read;
    process.stdout.write(helpText(command));
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\nTry ${command.usage} --help\n`);
    process.exit(2);
  }
}

/** @throws {ConfigError} naming every fault. */
export function parseCommandLine<S extends Schema>(
  command: Command<S>,
  argv: readonly string[],
): CommandLine<S> | 'help' {
  const options = Object.fromEntries(
    Object.values(command.flags).map((flag) => [
      bare(flag.name),
      { type: isSwitch(flag) ? 'boolean' : 'string' } as const,
    ]),
  );
  const { values, positionals } = parse(argv, { ...options, help: { type: 'boolean' } });
  if (values.help) return 'help';
  const [positional, ...surplus] = positionals;
  if (command.positional && positional === undefined) throw new ConfigError([`${command.positional} is required`]);
  const unexpected = command.positional ? surplus : positionals;
  if (unexpected.length > 0) throw new ConfigError([`${unexpected.join(' ')} is not expected here`]);
  const written = Object.fromEntries(Object.entries(values).map(([name, value]) => [`--${name}`, String(value)]));
  return { flags: readConfig(command.flags, written), positional };
}

/** What `--help` prints. */
export function helpText<S extends Schema>(command: Command<S>): string {
  const rows = Object.values(command.flags).map((flag) => {
    const left = isSwitch(flag) ? flag.name : `${flag.name} VALUE`;
    const byDefault = flag.default === undefined || isSwitch(flag) ? '' : ` (default ${flag.default})`;
    return `  ${left.padEnd(30)} ${flag.required ? 'required: ' : ''}${flag.meaning}${byDefault}\n`;
  });
  const positional = command.positional ? ` ${command.positional}` : '';
  const flags = rows.length === 0 ? '\n' : ` [flags]\n\n${rows.join('')}`;
  return `${command.about}\n\nUsage: ${command.usage}${positional}${flags}`;
}

/** A flag whose written default is `false` takes no value. */
function isSwitch(flag: { readonly default?: string }): boolean {
  return flag.default === 'false';
}

function bare(flag: string): string {
  return flag.replace(/^--/, '');
}

function parse(argv: readonly string[], options: Record<string, { type: 'string' | 'boolean' }>) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new ConfigError([(error as Error).message]);
  }
}
