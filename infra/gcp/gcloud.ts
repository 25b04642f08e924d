import { spawn } from 'node:child_process';

/** How a command ended, and what it printed. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `gcloud` with these arguments. Where `isShown`, what it says on its way is passed on. */
export type RunCommand = (args: readonly string[], isShown: boolean) => Promise<CommandResult>;

/** Something stands in the way, and nothing was changed because of it. */
export class Refusal extends Error {}

/** A command that failed. */
export class CommandFailure extends Error {}

/** How `gcloud` is called. */
export interface GcloudOptions {
  readonly project: string;
  /** Prints every call that would change something, instead of making it. What only reads is called. */
  readonly isDryRun: boolean;
  readonly run: RunCommand;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly print: (line: string) => void;
}

/** A new account is not known to every service for a minute and more, an API that was just enabled not usable. */
const pausesMs = [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000];

/** Google's resources through gcloud: reads that tell what is absent from what may not be seen, and changes that are counted. */
export class Gcloud {
  readonly isDryRun: boolean;
  readonly #project: string;
  readonly #run: RunCommand;
  readonly #pause: (ms: number) => Promise<unknown>;
  readonly #print: (line: string) => void;
  #changes = 0;

  constructor({ project, isDryRun, run, pause, print }: GcloudOptions) {
    this.#project = project;
    this.isDryRun = isDryRun;
    this.#run = run;
    this.#pause = pause;
    this.#print = print;
  }

  /** How many changes were made, or printed. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * What the command prints as JSON; undefined where the resource does not exist.
   * @throws {Refusal} where it may not be read, which says nothing about whether it exists.
   */
  async read<T>(...args: string[]): Promise<T | undefined> {
    const text = await this.readText(...args, '--format', 'json');
    return text === undefined || text.trim() === '' ? undefined : (JSON.parse(text) as T);
  }

  /** As `read`, for a command that prints something else. */
  async readText(...args: string[]): Promise<string | undefined> {
    const { status, stdout, stderr } = await this.#runPatiently(this.#complete(args), false);
    if (status === 0) return stdout;
    const found = readingFault(stderr);
    // A dry run of bootstrap has enabled no API.
    if (found === 'absent' || (this.isDryRun && isDisabledApi(stderr))) return undefined;
    const why = found === 'denied' ? 'may not be read (whether it exists is not known)' : 'could not be read';
    throw new Refusal(`${shown(args)}: ${why}: ${faultText(stderr)}`);
  }

  /** Makes a change. @throws {CommandFailure} */
  async change(...args: string[]): Promise<void> {
    this.#changes += 1;
    const complete = this.#complete([...args, '--quiet']);
    this.#print(`${this.isDryRun ? 'would run' : 'run'}: gcloud ${shown(complete)}`);
    if (this.isDryRun) return;
    const { status, stderr } = await this.#runPatiently(complete, true);
    if (status !== 0) throw new CommandFailure(`gcloud ${shown(complete)} failed: ${faultText(stderr)}`);
  }

  /** Again, for two minutes, while something that was made just now is not known everywhere. */
  async #runPatiently(args: readonly string[], isChange: boolean): Promise<CommandResult> {
    for (const pauseMs of pausesMs) {
      const result = await this.#run(args, isChange);
      // Where nothing was changed, an API that is disabled stays so.
      const isFresh = this.#changes > 0 && !this.isDryRun && isDisabledApi(result.stderr);
      if (result.status === 0 || !(isFresh || (isChange && isFreshAccount(result.stderr)))) return result;
      this.#print(`what is new is not known everywhere yet: again in ${pauseMs / 1000} s`);
      await this.#pause(pauseMs);
    }
    return this.#run(args, isChange);
  }

  #complete(args: readonly string[]): string[] {
    return args.includes('--project') ? [...args] : [...args, '--project', this.#project];
  }
}

/** Why a read failed. A denied one comes first: Google adds to it that the resource may not exist. */
export function readingFault(stderr: string): 'denied' | 'absent' | 'other' {
  if (/PERMISSION_DENIED|\b403\b|permission .*denied|does not have permission|may not exist/i.test(stderr))
    return 'denied';
  if (/NOT_FOUND|\b404\b|not found|cannot find service|does not exist/i.test(stderr)) return 'absent';
  return 'other';
}

function isFreshAccount(stderr: string): boolean {
  return /service account .*does not exist|actAs.* denied|service account .*may not exist/is.test(stderr);
}

function isDisabledApi(stderr: string): boolean {
  return /SERVICE_DISABLED|has not been used in project|API \[.*\] not enabled/.test(stderr);
}

/** As it would be typed. */
export function shown(args: readonly string[]): string {
  return args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** What gcloud says of an error: without its stages before, and its advice after. */
function faultText(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const from = lines.findIndex((line) => line.startsWith('ERROR'));
  return lines.slice(Math.max(0, from), Math.max(0, from) + 5).join('\n');
}

/** Runs a program to its end; its standard error is passed on as it comes where `isShown`. Status 127: there is no such program. */
export function runProgram(program: string, args: readonly string[], isShown = false): Promise<CommandResult> {
  return new Promise((resolve) => {
    const env = { ...process.env, CLOUDSDK_CORE_DISABLE_PROMPTS: '1' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (isShown) process.stderr.write(text);
    });
    child.once('error', ({ message }) => resolve({ status: 127, stdout, stderr: message }));
    child.once('close', (status) => resolve({ status: status ?? 1, stdout, stderr }));
  });
}
