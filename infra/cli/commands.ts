/**
 * Runs one command.
 * @param argv what stands after the command's name
 * @param usage how the command was called, for its help: `npm run submit --`
 * @returns the exit code
 * @throws {Error} whose message tells people what is wrong
 */
export type RunCommand = (argv: readonly string[], usage: string) => Promise<number>;

/** A command of `backfill`, as the list of commands shows it. */
export interface CliCommand {
  /** Completes «backfill NAME …» in the list of commands. */
  readonly about: string;
  /** A command's modules are loaded when it is called. */
  readonly load: () => Promise<{ readonly run: RunCommand }>;
}

/** Every command of `backfill`, by name. */
export const commands: ReadonlyMap<string, CliCommand> = new Map([
  [
    'submit',
    {
      about: 'publishes each line of a file as a request and collects the results',
      load: () => import('./submit/command.ts'),
    },
  ],
  [
    'forecast',
    {
      about: 'says when the backlog will be done, and how much of it will be late',
      load: () => import('./forecast/command.ts'),
    },
  ],
  [
    'why',
    {
      about: 'says what the backlog waits for, and until when',
      load: () => import('./why/command.ts'),
    },
  ],
  [
    'pause',
    {
      about: 'lets the messages of a tenant, a job or a subscription wait in Pub/Sub',
      load: async () => ({ run: (await import('./control/commands.ts')).pause }),
    },
  ],
  [
    'resume',
    { about: 'takes a pause back', load: async () => ({ run: (await import('./control/commands.ts')).resume }) },
  ],
  [
    'cancel',
    {
      about: 'ends requests, those under way too, with a result that says so',
      load: async () => ({ run: (await import('./control/commands.ts')).cancel }),
    },
  ],
]);

/** One line a command, for `--help`. */
export function commandList(): string {
  return [...commands].map(([name, { about }]) => `  ${name.padEnd(10)} ${about}\n`).join('');
}
