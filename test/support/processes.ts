import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { atTheEnd } from './at-the-end.ts';
import { until } from './poll.ts';

const root = resolve(import.meta.dirname, '../..');
const running = new Set<ChildProcess>();

export interface RunningProcess {
  /** Where it said that it listens. */
  readonly url: string;
  readonly pid: number;
  /** All it has printed so far, both streams. */
  output(): string;
  /** Its standard output is not read from now on. */
  stopReading(): void;
  /** Sends the signal (SIGTERM) and waits for the end; the exit code, null after a signal. */
  kill(signal?: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

atTheEnd(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that is ready once its output matches `ready`. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its first group, where it has one, is the URL. */
  readonly ready: RegExp;
}

/** Runs `node script …args` from the project's root and waits until it says where it listens. Ended with the test file. */
export function startProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProcess> {
  const ready = /listening on (http:\/\/\S+)/;
  return startProgram({ command: process.execPath, args: [script, ...args], env, ready });
}

/** Runs any program from the project's root and waits until it is ready. Ended with the test file. */
export async function startProgram({ command, args, env = {}, ready }: Program): Promise<RunningProcess> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const name = [command, ...args].find((word) => word !== process.execPath) ?? command;
  running.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = new Promise<number | null>((ended) => {
    // Not at its exit: what it said last may still be in the pipes.
    child.once('close', (code) => {
      running.delete(child);
      ended(code);
    });
  });
  const { url } = await until(
    () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
      const found = ready.exec(output);
      return found === null ? undefined : { url: found[1] ?? '' };
    },
    { what: `${name} to be ready`, timeoutMs: 60_000 },
  );
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    stopReading: () => child.stdout.destroy(),
    kill: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}
