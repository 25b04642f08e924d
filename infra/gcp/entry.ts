import { setTimeout as pause } from 'node:timers/promises';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { ConfigError, type Schema, type Values } from '../../shared/runtime/config/read-config.ts';
import { CommandFailure, Gcloud, Refusal, runProgram } from './gcloud.ts';
import { type Installation, installationSchema, variablesText } from './settings.ts';

/** A script of this folder, as `--help` shows it. */
export interface Command<S extends Schema> {
  /** As it is typed. */
  readonly usage: string;
  readonly about: string;
  readonly flags: S;
  /** Variables beside those of the installation. */
  readonly variables: Schema;
}

/** Reads the flags; `--help` prints them and the variables, and ends the process. */
export function readFlags<S extends Schema>({ usage, about, flags, variables }: Command<S>): Values<S> {
  const text = variablesText({ ...installationSchema, ...variables });
  return readCommandLine(
    { usage, about: `${about}\n\nIt reads from the environment:\n${text.trimEnd()}`, flags },
    process.argv.slice(2),
  ).flags;
}

/**
 * Runs `work`, and ends the process: with 2 where something stands in the way and nothing was changed, with 1 where a command failed.
 * `work` opens gcloud when it knows the project.
 */
export async function run(
  isDryRun: boolean,
  work: (openGcloud: (installation: Installation) => Gcloud) => Promise<void>,
): Promise<never> {
  let gcloud: Gcloud | undefined;
  try {
    await work(({ project }) => {
      gcloud = new Gcloud({
        project,
        isDryRun,
        run: (args, isShown) => runProgram('gcloud', args, isShown),
        pause,
        print: say,
      });
      return gcloud;
    });
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Refusal || error instanceof CommandFailure)) throw error;
    const isUntouched = gcloud === undefined || gcloud.isDryRun || gcloud.changes === 0;
    const after = isUntouched
      ? 'Nothing was changed. --help lists the variables.'
      : 'What was done before stays; run it again when this is right.';
    process.stderr.write(`${error.message}\n${after}\n`);
    process.exit(isUntouched ? 2 : 1);
  }
}

/** Prints a line for the operator. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
