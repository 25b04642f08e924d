import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Message } from '@google-cloud/pubsub';
import { startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';

const root = resolve(import.meta.dirname, '../..');

export interface ScriptedResult {
  readonly data: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What stands for the function: the results of a request, perhaps none. */
export type Responder = (message: Message) => readonly ScriptedResult[];

/** The result of a success, which tells what was asked. */
export const echo = (message: Message): ScriptedResult => ({
  data: JSON.stringify({ id: message.attributes.id ?? 'body', echo: message.data.toString() }),
});

export const failure = (statusCode: string, more: object): ScriptedResult => ({
  data: JSON.stringify({ id: 'x', status_code: Number(statusCode), error_code: '', error_message: '', ...more }),
  attributes: { status: 'failed', status_code: statusCode },
});

/** A local Pub/Sub with a scripted function behind it, and `submit` as a process. */
export async function startSubmitWorld() {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-submit-'));
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  await bus.createTopic('requests');
  const results = await bus.createTopic('results');
  const running = new Set<ChildProcess>();
  const publishing: Promise<unknown>[] = [];
  const world = {
    folder,
    bus,
    results,
    /** Every request so far. */
    requests: [] as Message[],
    respond: ((message) => [echo(message)]) as Responder,
    /** Publishes a result as contract §2 has it. */
    async publishResult(message: Message, { data, attributes }: ScriptedResult): Promise<void> {
      const { id = 'body', job = '' } = message.attributes;
      const own = { id, job, status: 'succeeded', status_code: '200', attempts: '1', first_message_id: message.id };
      await results.publishMessage({ data: Buffer.from(data), attributes: { ...own, ...attributes } });
    },
    submit(file: string, ...flags: string[]) {
      const child = spawn(process.execPath, ['infra/cli/main.ts', 'submit', file, ...flags], {
        cwd: root,
        env: { ...process.env, ...bus.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.add(child);
      let output = '';
      child.stdout.on('data', (text: Buffer) => (output += text));
      child.stderr.on('data', (text: Buffer) => (output += text));
      const exited = new Promise<number | null>((ended) => child.once('close', (code) => ended(code)));
      return { child, exited, output: () => output };
    },
    fileOf(name: string, lines: readonly (string | object)[]): { file: string; out: string } {
      const file = join(folder, `${name}.jsonl`);
      const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
      writeFileSync(file, texts.map((text) => `${text}\n`).join(''));
      return { file, out: join(folder, `${name}-out.jsonl`) };
    },
    /** Ids of all subscriptions that belong to submissions. */
    async ownSubscriptions(): Promise<string[]> {
      const [all] = await bus.client.getSubscriptions();
      return all.map(({ name }) => name.split('/').at(-1) ?? '').filter((id) => id.startsWith('submit-'));
    },
    async stop(): Promise<void> {
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(publishing);
      await bus.close();
      rmSync(folder, { recursive: true });
    },
  };
  await bus.collect('requests', (message) => {
    world.requests.push(message);
    for (const result of world.respond(message)) publishing.push(world.publishResult(message, result));
  });
  return world;
}

/** The results in a file, by their line's number; a line that has two is an error. */
export function resultsByLine(out: string): Map<number, Record<string, unknown>> {
  const found = new Map<number, Record<string, unknown>>();
  for (const text of existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : []) {
    const { line, ...result } = JSON.parse(text) as { line: number } & Record<string, unknown>;
    if (found.has(line)) throw new Error(`line ${line} has two results`);
    found.set(line, result);
  }
  return found;
}

/** Requests that all have one id, told apart by what they ask. */
export const numbered = (count: number, from = 0): object[] =>
  Array.from({ length: count }, (_, index) => ({ id: 'same', payload: { model: 'm', prompt: `${from + index}` } }));
