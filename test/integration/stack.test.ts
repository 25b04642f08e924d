import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'backfill-stack-test-'));
const sample = join(folder, 'sample.jsonl');
const chat = { model: 'sim', max_tokens: 8, messages: [{ role: 'user', content: 'Label this: the light is green.' }] };
const requests = Array.from({ length: 12 }, (_, index) => {
  if (index % 3 === 0) return { id: 'same', payload: chat };
  return index % 3 === 1
    ? { custom_id: `line-${index}`, method: 'POST', url: '/v1/chat/completions', body: chat }
    : chat;
});
writeFileSync(sample, requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
const started = new Set<ChildProcess>();

afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function startStack(command: readonly string[], ...flags: string[]) {
  const out = join(folder, `out-${started.size}.jsonl`);
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, '--sample', sample, '--users', '2', '--out', out, ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text));
  child.stderr.on('data', (text: Buffer) => (output += text));
  const exited = new Promise<number | null>((ended) => child.once('exit', (code) => ended(code)));
  return {
    child,
    exited,
    output: () => output,
    results: () => readFileSync(out, 'utf8').split('\n').slice(0, -1),
    says: (text: string) => until(() => output.includes(text), { what: `«${text}»` }),
  };
}

const node = [process.execPath, 'infra/local/stack/main.ts'];
const viaNpm = ['npm', 'start', '--'];

interface Process {
  readonly pid: number;
  readonly command: string;
}

/** The processes below one. */
function descendants(pid: number): Process[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => {
      const [, own = '', parent = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return { pid: Number(own), parent: Number(parent), command };
    });
  const below = (parent: number): Process[] =>
    table.filter((row) => row.parent === parent).flatMap((row) => [row, ...below(row.pid)]);
  return below(pid);
}

function services(pid: number | undefined): Process[] {
  return descendants(pid ?? -1).filter(({ command }) => command.includes('end-with-parent'));
}

function isAlive({ pid }: Process): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

const allGone = (processes: readonly Process[]) =>
  until(() => !processes.some(isAlive), { what: 'the services to end' });

describe('the stack', { timeout: 90_000 }, () => {
  test('gives every message its result and ends with 0', async () => {
    const stack = startStack(node, '--exit', '--alone-seconds', '0.5');
    expect(await stack.exited, stack.output()).toBe(0);
    expect(stack.output()).toContain('12 of 12 messages');
    expect(stack.output()).toContain('12 succeeded, 0 failed');
    expect(stack.output()).toMatch(/reads (flow-control|nothing)/);
    const results = stack.results().map((line) => JSON.parse(line));
    expect(results).toHaveLength(requests.length);
    expect(results.filter(({ custom_id }) => custom_id !== undefined)).toHaveLength(4);
  });

  test('stays up after the summary, serves what else is submitted, and ends with Ctrl-C', async () => {
    const stack = startStack(node, '--alone-seconds', '0.2');
    await stack.says('until Ctrl-C');
    const running = services(stack.child.pid);
    expect(running).toHaveLength(8);
    const [, host = ''] = /PUBSUB_EMULATOR_HOST=(\S+)/.exec(stack.output()) ?? [];
    const submit = spawn(
      process.execPath,
      ['infra/cli/main.ts', 'submit', sample, '--out', join(folder, 'submitted.jsonl')],
      { cwd: root, env: { ...process.env, PUBSUB_EMULATOR_HOST: undefined }, stdio: 'ignore' },
    );
    started.add(submit);
    expect(await new Promise((ended) => submit.once('exit', ended))).toBe(0);
    const data = Buffer.from(JSON.stringify(chat)).toString('base64');
    await post(`http://${host}/v1/projects/local/topics/requests:publish`, { messages: [{ data }] });
    const answers = await post(`http://${host}/v1/projects/local/subscriptions/results:pull`, { maxMessages: 10 });
    const { receivedMessages = [] } = answers as { receivedMessages?: { message: { data: string } }[] };
    const texts = receivedMessages.map(({ message }) => Buffer.from(message.data, 'base64').toString());
    expect(texts.map((text) => JSON.parse(text).status_code)).toEqual([200]);
    stack.child.kill('SIGINT');
    expect(await stack.exited).toBe(0);
    await allGone(running);
  });

  test('is asked what waits and why, pauses a job, and forecasts', async () => {
    const stack = startStack(node, '--alone-seconds', '0.2');
    await stack.says('until Ctrl-C');
    const backfill = (...args: string[]) => {
      const env = { ...process.env, PUBSUB_EMULATOR_HOST: '', STORE: '', NO_COLOR: '1' };
      const { status, stdout, stderr } = spawnSync(process.execPath, ['infra/cli/main.ts', ...args], {
        cwd: root,
        env,
        encoding: 'utf8',
      });
      return { status, text: stdout + stderr };
    };
    expect(backfill('pause', '--job', 'late')).toEqual({
      status: 0,
      text: 'Paused: job late. Every instance obeys within five seconds.\nIn force:\n  paused: job late\n',
    });
    const [, host = ''] = /PUBSUB_EMULATOR_HOST=(\S+)/.exec(stack.output()) ?? [];
    const message = { data: Buffer.from(JSON.stringify(chat)).toString('base64'), attributes: { job: 'late' } };
    // The instance may obey only after a moment: until then it answers.
    await until(
      async () => {
        await post(`http://${host}/v1/projects/local/topics/requests:publish`, { messages: [message] });
        return backfill('why').text.includes('paused: the control document pauses them');
      },
      { what: 'a paused message' },
    );
    const { messages, windowSeconds } = JSON.parse(backfill('forecast', '--json', '--window', '1h').text);
    expect([messages > 0, windowSeconds]).toEqual([true, 3600]);
    expect(backfill('forecast').text).toMatch(/^\d+ messages? (wait|is|waits)/);
    const why = backfill('why');
    expect(why.text).toContain('that may be, ');
    expect(why.text).toContain('paused: job late');
    expect(backfill('resume', '--job', 'late').text).toContain('Took back the pause of job late');
    expect(backfill('resume', '--job', 'late').status).toBe(1);
    await until(() => JSON.parse(backfill('forecast', '--json').text).messages === 0, {
      what: 'the end of the backlog',
    });
    expect(backfill('cancel', '--all').text).toContain('Cancelled: all messages.');
    expect(backfill('cancel').text).toContain('name the messages with one or more of --id');
    stack.child.kill('SIGINT');
    expect(await stack.exited).toBe(0);
  });

  test.each([
    ['itself', node],
    ['the npm that runs it', viaNpm],
  ])('leaves no process behind when killed: %s', async (_name, command) => {
    const stack = startStack(command, '--alone-seconds', '60');
    await stack.says('users chat');
    const running = services(stack.child.pid);
    expect(running).toHaveLength(8);
    stack.child.kill('SIGKILL');
    await allGone(running);
  });

  test('ends when a service dies, and says which', async () => {
    const stack = startStack(node, '--alone-seconds', '60');
    await stack.says('users chat');
    const running = services(stack.child.pid);
    process.kill(running.find(({ command }) => command.includes('gateway/main.ts'))?.pid ?? 0, 'SIGKILL');
    expect(await stack.exited).toBe(1);
    expect(stack.output()).toMatch(/gateway was ended by SIGKILL\. The last it said:\n\n.*listening on/);
    await allGone(running);
  });

  test('takes a model server that is already there', async () => {
    const own = await startProcess('infra/local/model-server/main.ts', [
      '--port',
      '0',
      '--model',
      'own',
      '--speed',
      '10',
    ]);
    const stack = startStack(node, '--exit', '--alone-seconds', '0.2', '--endpoint', own.url, '--capacity', 'gateway');
    expect(await stack.exited, stack.output()).toBe(0);
    expect(stack.output()).toContain('reads gateway');
    expect(
      stack.results().every((line) => line.includes('"model":"own"') || line.includes('\\"model\\":\\"own\\"')),
    ).toBe(true);
  });

  test.each([
    ['a sample that is not there', '--sample', '/nope', 'that can be read'],
    ['a sample that is a folder', '--sample', folder, 'that can be read'],
    ['results in a folder that is not there', '--out', '/nope/x', 'that can be written'],
    ['results over a folder', '--out', folder, 'that can be written'],
  ])('starts nothing for %s', async (_name, flag, path, fault) => {
    const stack = startStack(node, flag, path);
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toContain(`${flag} must name a file ${fault}`);
    expect(stack.output()).not.toContain('Starting');
  });

  test('says what is wrong with an endpoint that is not there', async () => {
    const stack = startStack(node, '--exit', '--endpoint', 'http://127.0.0.1:1');
    expect(await stack.exited).toBe(1);
    expect(stack.output()).toContain('--endpoint: cannot read http://127.0.0.1:1/v1/models');
  });
});
