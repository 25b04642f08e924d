import type { Message } from '@google-cloud/pubsub';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { echo, failure, numbered, resultsByLine, startSubmitWorld } from '../support/submit.ts';

let world: Awaited<ReturnType<typeof startSubmitWorld>>;
beforeAll(async () => {
  world = await startSubmitWorld();
});
afterAll(() => world.stop());
beforeEach(() => {
  world.requests = [];
  world.respond = (message) => [echo(message)];
});

/** Answers the first `count` requests, and keeps the others. */
function holdAfter(count: number): Message[] {
  const held: Message[] = [];
  let seen = 0;
  world.respond = (message) => {
    seen += 1;
    if (seen <= count) return [echo(message)];
    held.push(message);
    return [];
  };
  return held;
}

const jobs = () => new Set(world.requests.map(({ attributes }) => attributes.job));
const echoes = (out: string, lines: readonly object[]) => {
  const expected = lines.map((line, index) => [index + 1, JSON.stringify(line)] as const);
  const found = [...resultsByLine(out)].map(([line, result]) => [line, result.echo] as const);
  expect(new Map(found)).toEqual(new Map(expected));
};

test('every line of any shape has one result, told by its line, and bare requests by an id of ours', async () => {
  const lines = [
    { id: 'doc', payload: { model: 'm', prompt: 'a' }, metadata: { team: 'search' } },
    { payload: { model: 'm', prompt: 'b' } },
    { custom_id: 'doc', method: 'POST', url: '/v1/completions', body: { model: 'm', prompt: 'c' } },
    { model: 'm', prompt: 'd' },
    { model: 'm', prompt: 'd' },
  ];
  const { file, out } = world.fileOf('shapes', lines);
  world.respond = (message) => [echo(message), { data: '{"echo":"twice"}', attributes: { status: 'failed' } }];
  const run = world.submit(file, '--out', out);
  expect(await run.exited, run.output()).toBe(0);
  echoes(out, lines);
  const [job] = jobs();
  expect(job).toMatch(/^shapes-[0-9a-f]{12}$/);
  const attributes = world.requests.map((message) => [message.data.toString(), message.attributes]);
  expect(attributes.map(([, own]) => own)).toEqual(
    attributes.map(([text]) => {
      const { id, custom_id } = JSON.parse(text as string);
      return { job, ...(id || custom_id ? {} : { id: expect.stringMatching(`^${job}-[245]$`) }) };
    }),
  );
  expect(run.output()).toContain('every request has its result: 5 succeeded, 0 failed');
  expect(await world.ownSubscriptions()).toEqual([]);
});

test('two runs at once never take each other’s results, nor those that others read', async () => {
  const [shared] = await world.results.createSubscription('shared');
  const [a, b] = [numbered(60), numbered(60, 1000)];
  const [first, second] = [world.fileOf('first', a), world.fileOf('second', b)];
  const runs = [first, second].map(({ file, out }) => world.submit(file, '--out', out, '--subscription', 'shared'));
  for (const run of runs) {
    expect(await run.exited, run.output()).toBe(0);
    expect(run.output()).not.toContain('came twice');
  }
  echoes(first.out, a);
  echoes(second.out, b);
  expect(jobs().size).toBe(2);
  const left = new Set<string>();
  shared.on('message', (message: Message) => {
    left.add(message.id);
    message.ack();
  });
  await until(() => left.size === 120, { what: 'all results on the shared subscription' });
  await shared.close();
});

test('one file in two runs at once: with one --out the second is refused, with two each is whole', async () => {
  const lines = numbered(20);
  const { file, out } = world.fileOf('one', lines);
  const other = `${out}.2`;
  const held = holdAfter(0);
  const first = world.submit(file, '--out', out);
  await until(() => held.length === 20, { what: 'the first run’s requests' });
  const refused = world.submit(file, '--out', out);
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain('another run has');
  expect(world.requests).toHaveLength(20);
  const second = world.submit(file, '--out', other);
  await until(() => held.length === 40, { what: 'the second run’s requests' });
  for (const message of held) await world.publishResult(message, echo(message));
  for (const run of [first, second]) expect(await run.exited, run.output()).toBe(0);
  echoes(out, lines);
  echoes(other, lines);
});

test('stopped and run again, it goes on: nothing is sent or written twice, and results are kept meanwhile', async () => {
  const lines = numbered(40);
  const { file, out } = world.fileOf('stopped', lines);
  const held = holdAfter(10);
  const first = world.submit(file, '--out', out);
  await until(() => resultsByLine(out).size === 10 && held.length === 30, { what: 'ten results' });
  // npm passes on what the terminal has sent already.
  for (let times = 0; times < 2; times += 1) first.child.kill('SIGINT');
  expect(await first.exited, first.output()).toBe(130);
  expect(first.output()).toContain('10 of 40 have their result');
  expect(first.output()).toContain('Run the same command again');
  expect(await world.ownSubscriptions()).toHaveLength(1);
  for (const message of held) await world.publishResult(message, echo(message));
  const second = world.submit(file, '--out', out);
  expect(await second.exited, second.output()).toBe(0);
  expect(second.output()).toContain('10 of 40 answered, 30 sent before and awaited');
  expect(world.requests).toHaveLength(40);
  echoes(out, lines);
  expect(await world.ownSubscriptions()).toEqual([]);
});

test('killed, it goes on as well; lines that were added meanwhile are sent', async () => {
  const lines = numbered(30);
  const { file, out } = world.fileOf('killed', lines);
  const held = holdAfter(10);
  const first = world.submit(file, '--out', out);
  await until(() => resultsByLine(out).size === 10 && held.length === 20, { what: 'ten results' });
  first.child.kill('SIGKILL');
  await first.exited;
  for (const message of held) await world.publishResult(message, echo(message));
  world.respond = (message) => [echo(message)];
  const grown = [...lines, ...numbered(5, 500)];
  world.fileOf('killed', grown);
  const second = world.submit(file, '--out', out);
  expect(await second.exited, second.output()).toBe(0);
  echoes(out, grown);
});

test('asked to, it sends again what has no result', async () => {
  const lines = numbered(30);
  const { file, out } = world.fileOf('again', lines);
  holdAfter(10);
  const first = world.submit(file, '--out', out);
  await until(() => resultsByLine(out).size === 10 && world.requests.length === 30, { what: 'ten results' });
  first.child.kill('SIGKILL');
  await first.exited;
  for (const id of await world.ownSubscriptions()) await world.bus.client.subscription(id).delete();
  world.respond = (message) => [echo(message)];
  const second = world.submit(file, '--out', out, '--republish');
  expect(await second.exited, second.output()).toBe(0);
  echoes(out, lines);
  expect(world.requests.length).toBeGreaterThanOrEqual(50);
});

test('results that were lost with their subscription are spoken of', async () => {
  const { file, out } = world.fileOf('lost', numbered(2));
  const held = holdAfter(1);
  const first = world.submit(file, '--out', out);
  await until(() => resultsByLine(out).size === 1 && held.length === 1, { what: 'a result' });
  first.child.kill('SIGINT');
  expect(await first.exited, first.output()).toBe(130);
  for (const id of await world.ownSubscriptions()) await world.bus.client.subscription(id).delete();
  const second = world.submit(file, '--out', out);
  await until(() => second.output().includes('is gone: --republish'), { what: 'the warning' });
  for (const message of held) await world.publishResult(message, echo(message));
  expect(await second.exited, second.output()).toBe(0);
});

test('failed lines end it with 1 and their reasons, also when it is run again', async () => {
  const { file, out } = world.fileOf('failing', numbered(6));
  world.respond = (message) => {
    const number = Number(JSON.parse(message.data.toString()).payload.prompt);
    if (number < 3) return [failure('404', { payload: '{"error":{"message":"no such model"}}' })];
    return number === 3 ? [failure('0', { error_message: '5 attempts failed' })] : [echo(message)];
  };
  for (const turn of ['first', 'second']) {
    const run = world.submit(file, '--out', out);
    expect(await run.exited, `${turn}: ${run.output()}`).toBe(1);
    expect(run.output()).toContain('every request has its result: 2 succeeded, 4 failed');
    expect(run.output()).toContain('3 × status 404: no such model (lines 1, 2, 3)');
    expect(run.output()).toContain('1 × status 0: 5 attempts failed (line 4)');
  }
  expect(world.requests).toHaveLength(6);
  expect(resultsByLine(out).get(4)).toMatchObject({ error_message: '5 attempts failed' });
});

test('a window is sent with every line', async () => {
  const { file, out } = world.fileOf('window', numbered(2));
  const run = world.submit(file, '--out', out, '--window', '1h30m');
  expect(await run.exited, run.output()).toBe(0);
  expect(world.requests.map(({ attributes }) => attributes.window)).toEqual(['1h30m', '1h30m']);
});
