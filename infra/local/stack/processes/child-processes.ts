import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OutputTail } from './output-tail.ts';

/** A process of the stack. */
export interface Service {
  readonly name: string;
  /** From the project's root. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, '../../../..');
const preload = new URL('./end-with-parent.ts', import.meta.url).href;
const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
/** Nothing else of the caller's environment may decide how a service runs. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'];

/** The processes of the stack: each one's output goes to a log file, none outlives this process, and one that ends by itself is reported. */
export class ChildProcesses {
  readonly #logFolder: string;
  readonly #running: { readonly child: ChildProcess; readonly ended: Promise<void> }[] = [];
  readonly #death = Promise.withResolvers<never>();
  #stopping = false;

  constructor(logFolder: string) {
    this.#logFolder = logFolder;
    this.#death.promise.catch(() => {});
  }

  /** Rejects with a message for people when a service ends before `stop`; never resolves. */
  get death(): Promise<never> {
    return this.#death.promise;
  }

  /** Starts a service and gives the URL that it says it listens on. */
  async start({ name, script, args = [], env = {} }: Service): Promise<string> {
    const child = spawn(process.execPath, ['--import', preload, script, ...args], {
      cwd: root,
      env: { ...inheritedEnvironment(), ...env },
      // A process group of its own: Ctrl-C reaches the stack alone, which then stops the others in order.
      detached: true,
      // The fourth is held open for as long as this process lives.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.#logFolder, `${name}.log`));
    const tail = new OutputTail();
    const { promise: listening, resolve: listens } = Promise.withResolvers<string>();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log.write(text);
        tail.add(text);
        const url = /listening on (http:\/\/\S+)/.exec(tail.toString())?.[1];
        if (url) listens(url);
      });
    }
    const ended = new Promise<void>((resolved) => {
      child.once('close', (code, signal) => {
        log.end();
        resolved();
        if (this.#stopping) return;
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        this.#death.reject(new Error(`${name} ${how}. The last it said:\n\n${indented(tail.toString())}`));
      });
    });
    this.#running.push({ child, ended });
    const tooLate = delay(startTimeoutMs, undefined, { ref: false }).then(() => {
      throw new Error(
        `${name} did not start within ${startTimeoutMs / 1000} s. The last it said:\n\n${indented(tail.toString())}`,
      );
    });
    return Promise.race([listening, this.#death.promise, tooLate]);
  }

  /** Ends all, the last started first; one that does not end within ten seconds is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child, ended } of this.#running.toReversed()) {
      child.kill('SIGTERM');
      const patience = AbortSignal.timeout(stopTimeoutMs);
      patience.addEventListener('abort', () => child.kill('SIGKILL'));
      await ended;
    }
  }
}

function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(inherited.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function indented(text: string): string {
  return text === '' ? '  (nothing)' : text.replaceAll(/^/gm, '  ');
}
