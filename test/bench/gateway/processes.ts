import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Clock ticks of `/proc/PID/stat`. */
const ticksPerSecond = 100;
const startTimeoutMs = 20_000;
const canPin = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0;

/** What is measured has one core to itself, and what measures another, where the machine has two. */
export type Core = 0 | 1;

export class Measured {
  readonly url: string;
  readonly #child: ChildProcess;

  constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** User and system time of the process so far. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** The most memory it ever held. */
  get peakMegabytes(): number {
    return this.#megabytes(/^VmHWM:\s+(\d+) kB/m);
  }

  get residentMegabytes(): number {
    return this.#megabytes(/^VmRSS:\s+(\d+) kB/m);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #megabytes(line: RegExp): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(line.exec(status)?.[1] ?? Number.NaN) / 1024;
  }
}

export interface Start {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it will listen; absent: it says so on standard output. */
  readonly url?: string;
  /** It does not speak HTTP/1.1: that it says where it listens must do. */
  readonly isSilent?: boolean;
}

/** Starts a process and waits until it takes connections. */
export async function start({ command, env, url, isSilent = false }: Start, core: Core): Promise<Measured> {
  const [program = '', ...args] = pinned(command, core);
  const child = spawn(program, args, {
    env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)));
  }
  const giveUpAtMs = performance.now() + startTimeoutMs;
  for (;;) {
    const where = url ?? /listening on (http:\/\/\S+)/.exec(output)?.[1];
    if (where !== undefined && (isSilent || (await answers(where)))) return new Measured(where, child);
    if (child.exitCode !== null || performance.now() > giveUpAtMs) {
      child.kill('SIGKILL');
      throw new Error(`${command.join(' ')} does not listen:\n${output}`);
    }
    await delay(50);
  }
}

/** Runs a program to its end; its standard output. */
export async function outputOf(command: readonly string[], core: Core): Promise<string> {
  const [program = '', ...args] = pinned(command, core);
  return (await promisify(execFile)(program, args, { maxBuffer: 1024 * 1024 })).stdout;
}

/** The command on that core alone, where it can be. */
export function pinned(command: readonly string[], core: Core): readonly string[] {
  return canPin ? ['taskset', '-c', String(core), ...command] : command;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (answer) => answer.text().then(() => true),
    () => false,
  );
}
