import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Message } from '@google-cloud/pubsub';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { connectPubSub } from '../support/pubsub.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'backfill-submit-'));
let pubsub: RunningProcess;
let bus: ReturnType<typeof connectPubSub>;
/** Called for every request; gives the results to publish for it. */
let answer: (message: Message) => { data: string; attributes: Record<string, string> }[];
let requests: string[] = [];
const submissions = new Set<ChildProcess>();
const publishing: Promise<unknown>[] = [];

beforeAll(async () => {
  pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  bus = connectPubSub(pubsub);
  await bus.createTopic('requests');
  const results = await bus.createTopic('results');
  await results.createSubscription('submit-results');
  await bus.collect('requests', (message) => {
    requests.push(message.data.toString());
    for (const { data, attributes } of answer(message)) {
      const result = { data: Buffer.from(data), attributes: { ...message.attributes, ...attributes } };
      publishing.push(results.publishMessage(result));
    }
  });
});

beforeEach(() => {
  requests = [];
  answer = (message) => [
    { data: JSON.stringify({ echo: message.data.toString() }), attributes: { status: 'succeeded' } },
  ];
});

afterAll(async () => {
  for (const child of submissions) child.kill('SIGKILL');
  await Promise.all(publishing);
  await bus.close();
  rmSync(folder, { recursive: true });
});

function submit(file: string, ...flags: string[]) {
  const child = spawn(process.execPath, ['infra/cli/submit/main.ts', file, ...flags], {
    cwd: root,
    env: { ...process.env, ...bus.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  submissions.add(child);
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text));
  child.stderr.on('data', (text: Buffer) => (output += text));
  const exited = new Promise<number | null>((ended) => child.once('close', (code) => ended(code)));
  return { child, exited, output: () => output };
}

function fileOf(name: string, lines: readonly string[]): { file: string; out: string } {
  const file = join(folder, `${name}.jsonl`);
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return { file, out: join(folder, `${name}-out.jsonl`) };
}

const written = (out: string) => (existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : []);
const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `{"id":"same","payload":{"n":${index}}}`);

test('each line is published as it stands, each request has one result, and twice the same is two', async () => {
  const lines = [...numbered(20), ...numbered(20)];
  const { file, out } = fileOf('plain', lines);
  answer = ({ data }) => [
    { data: JSON.stringify({ echo: data.toString() }), attributes: { status: 'succeeded' } },
    { data: '{"echo":"twice"}', attributes: { status: 'failed' } },
  ];
  const run = submit(file, '--out', out);
  expect(await run.exited, run.output()).toBe(0);
  expect(requests.toSorted()).toEqual(lines.toSorted());
  expect(written(out)).toHaveLength(lines.length);
  expect(run.output()).toContain('every request has its result');
});

test('stopped and run again, it goes on: nothing is published or written twice', async () => {
  const lines = numbered(40);
  const { file, out } = fileOf('stopped', lines);
  let answering = 0;
  const held: Message[] = [];
  const echo = answer;
  answer = (message) => {
    answering += 1;
    if (answering <= 10) return echo(message);
    held.push(message);
    return [];
  };
  const first = submit(file, '--out', out);
  await until(() => written(out).length === 10 && held.length === 30, { what: 'ten results' });
  first.child.kill('SIGINT');
  expect(await first.exited, first.output()).toBe(130);
  expect(first.output()).toContain('Run the same command again');

  const results = bus.client.topic('results');
  for (const { data, attributes } of held) {
    await results.publishMessage({ data, attributes: { ...attributes, status: 'succeeded' } });
  }
  const second = submit(file, '--out', out);
  expect(await second.exited, second.output()).toBe(0);
  expect(requests).toHaveLength(40);
  expect(new Set(written(out)).size).toBe(40);
});

test('killed, it goes on as well', async () => {
  const lines = numbered(30);
  const { file, out } = fileOf('killed', lines);
  const echo = answer;
  let answering = 0;
  answer = (message) => {
    answering += 1;
    return answering <= 10 ? echo(message) : [];
  };
  const first = submit(file, '--out', out);
  await until(() => written(out).length === 10 && requests.length === 30, { what: 'ten results' });
  first.child.kill('SIGKILL');
  await first.exited;

  answer = echo;
  const second = submit(file, '--out', out, '--republish');
  expect(await second.exited, second.output()).toBe(0);
  expect(new Set(written(out)).size).toBe(30);
  expect(written(out)).toHaveLength(30);
});

test('results of others are kept beside', async () => {
  const { file, out } = fileOf('shared', numbered(1));
  const results = bus.client.topic('results');
  const held: Message[] = [];
  answer = (message) => {
    held.push(message);
    return [];
  };
  const run = submit(file, '--out', out);
  await results.publishMessage({ data: Buffer.from('{"of":"another"}') });
  const others = join(folder, 'shared-out.others.jsonl');
  const own = await until(() => written(others).includes('{"of":"another"}') && held[0], { what: 'the other' });
  await results.publishMessage({ data: Buffer.from('{}'), attributes: own.attributes });
  expect(await run.exited, run.output()).toBe(0);
  expect(written(out)).toEqual(['{}']);
});

test('a line that is no JSON stops it before anything is sent', async () => {
  const { file, out } = fileOf('broken', ['{}', 'hello']);
  const run = submit(file, '--out', out);
  expect(await run.exited).toBe(1);
  expect(run.output()).toContain('line 2 is no JSON');
  expect(requests).toEqual([]);
});

test.each([
  ['topic', 'nowhere'],
  ['subscription', 'nowhere'],
])('a %s that does not exist is named', async (kind, name) => {
  const { file, out } = fileOf(`no-${kind}`, numbered(1));
  const run = submit(file, '--out', out, `--${kind}`, name);
  expect(await run.exited).toBe(1);
  expect(run.output()).toContain(name);
});

test.each([
  ['a folder of requests', [folder], 'FILE must name a file that can be read'],
  ['results over a folder', ['requests.jsonl', '--out', folder], '--out must name a file that can be written'],
])('%s is told', async (_name, [file = '', ...flags], fault) => {
  const run = submit(file, ...flags);
  expect(await run.exited).not.toBe(0);
  expect(run.output()).toContain(fault);
});
