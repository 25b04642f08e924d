import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { numbered, resultsByLine, startSubmitWorld } from '../support/submit.ts';

let world: Awaited<ReturnType<typeof startSubmitWorld>>;
beforeAll(async () => {
  world = await startSubmitWorld();
  await world.bus.createTopic('without-requests');
  await world.bus.createTopic('results-alone');
  await world.results.createSubscription('of-results');
});
afterAll(() => world.stop());
beforeEach(() => {
  world.requests = [];
});

test('lines that are no requests stop it before anything is sent, each with its reason', async () => {
  const { file, out } = world.fileOf('broken', [...numbered(1), 'hello', {}, { payload: { model: 'm' } }]);
  for (const flags of [[], ['--dry-run']]) {
    const run = world.submit(file, '--out', out, ...flags);
    expect(await run.exited).toBe(1);
    expect(run.output()).toContain('line 2 is no JSON');
    expect(run.output()).toContain('line 3 is no request: data has none of payload, custom_id and model');
    expect(run.output()).toContain('line 4 is no request: endpoint is missing');
  }
  expect([world.requests, existsSync(out)]).toEqual([[], false]);
});

test('a dry run sends nothing, writes nothing, and needs no Pub/Sub', async () => {
  const { file, out } = world.fileOf('dry', numbered(3));
  const run = world.submit(file, '--out', out, '--dry-run', '--topic', 'nowhere');
  expect(await run.exited, run.output()).toBe(0);
  expect(run.output()).toContain('3 requests: 3 to /v1/completions of model m');
  expect([world.requests, existsSync(out)]).toEqual([[], false]);
});

test.each([
  ['a topic without its result topic', ['--topic', 'nowhere-requests'], 'there is no topic nowhere-results'],
  ['a topic', ['--topic', 'nowhere', '--subscription', 'of-results'], 'line 1 cannot be published to'],
  ['a subscription', ['--subscription', 'nowhere'], 'there is no subscription nowhere in project test'],
  ['a topic by whose name no result topic is known', ['--topic', 'elsewhere'], '--topic elsewhere does not tell'],
])('%s that is not there is told, and nothing is left behind', async (_what, flags, fault) => {
  const { file, out } = world.fileOf('nowhere', numbered(1));
  const run = world.submit(file, '--out', out, ...flags);
  expect(await run.exited).toBe(1);
  expect(run.output()).toContain(fault);
  expect(readdirSync(world.folder).filter((name) => name.startsWith('nowhere-out'))).toEqual([]);
  expect(await world.ownSubscriptions()).toEqual([]);
});

test('results of two files never mix, and a file that no submission wrote is left alone', async () => {
  const [first, second] = [world.fileOf('first', numbered(2)), world.fileOf('second', numbered(2, 10))];
  const run = world.submit(first.file, '--out', first.out);
  expect(await run.exited, run.output()).toBe(0);
  const other = world.submit(second.file, '--out', first.out);
  expect(await other.exited).toBe(1);
  expect(other.output()).toContain('holds the results of first.jsonl: choose another --out');
  writeFileSync(second.out, 'precious\n');
  const third = world.submit(second.file, '--out', second.out);
  expect(await third.exited).toBe(1);
  expect(third.output()).toContain('choose another --out');
  expect(world.requests).toHaveLength(2);
  expect(resultsByLine(first.out).size).toBe(2);
});

test('a line that was sent and has changed since is told', async () => {
  const { file, out } = world.fileOf('changed', numbered(2));
  const run = world.submit(file, '--out', out);
  expect(await run.exited, run.output()).toBe(0);
  world.fileOf('changed', [...numbered(1), ...numbered(1, 7)]);
  const again = world.submit(file, '--out', out);
  expect(await again.exited).toBe(1);
  expect(again.output()).toContain('line 2 of');
  expect(world.requests).toHaveLength(2);
});

test.each([
  ['a folder of requests', ['.'], 'FILE must name a file that can be read'],
  ['results over a folder', ['package.json', '--out', '.'], '--out must name a file that can be written'],
  ['a window that is none', ['package.json', '--window', '30m1h'], '--window must be a duration like 90s'],
  ['no file', [], 'FILE is required'],
])('%s is told', async (_what, [file = '', ...flags], fault) => {
  const run = file === '' ? world.submit('--republish') : world.submit(file, ...flags);
  expect(await run.exited).toBeGreaterThan(0);
  expect(run.output()).toContain(fault);
});
