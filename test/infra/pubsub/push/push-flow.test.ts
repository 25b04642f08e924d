import { expect, test } from 'vitest';
import { type Push, PushFlow } from '../../../../infra/local/pubsub/push/push-flow.ts';
import { createWorld, textOf, type WorldOptions } from '../broker/world.ts';

/** A flow whose endpoint answers each push when the test says so. */
function createFlow(options: WorldOptions = {}, losesAnswer = () => false) {
  const world = createWorld(options);
  const open: { readonly push: Push; readonly answer: (status: number | undefined) => void }[] = [];
  const send = (push: Push) => new Promise<number | undefined>((answer) => open.push({ push, answer }));
  const stopping = new AbortController();
  const { broker, clock } = world;
  const flow = new PushFlow(world.entry(), { broker, clock, send, losesAnswer, signal: stopping.signal });
  return { ...world, flow, stopping, open, take: () => open.splice(0) };
}

const texts = (count: number) => Array.from({ length: count }, (_, n) => String(n));

test('four at once at first, eight when they are acked', async () => {
  const { publish, clock, take, open } = createFlow();
  publish(...texts(40));
  await clock.advance(10);
  const first = take();
  expect(first.map(({ push }) => textOf(push.delivery))).toEqual(['0', '1', '2', '3']);
  for (const { answer } of first) answer(204);
  await clock.advance(10);
  expect(open).toHaveLength(8);
});

test('no answer and a refusal are delivered again after a pause, one at a time', async () => {
  const { publish, clock, take, open } = createFlow();
  publish(...texts(40));
  await clock.advance(10);
  for (const [index, { answer }] of take().entries()) answer(index === 0 ? undefined : 429);
  await clock.advance(99);
  expect(open).toHaveLength(0);
  await clock.advance(20);
  expect(open).toHaveLength(1);
  expect(open[0]?.push.delivery.attempt).toBe(1);
});

test('a lost answer is delivered again without slowing anything', async () => {
  const answers = [true, false, false, false, false, false];
  const { publish, clock, take, open } = createFlow({}, () => answers.shift() ?? false);
  publish('a');
  await clock.advance(10);
  for (const { answer } of take()) answer(204);
  await clock.advance(10);
  expect(open.map(({ push }) => push.delivery.attempt)).toEqual([2]);
});

test('bodies on their way are limited, however wide the window', async () => {
  const mebibyte = 1024 * 1024;
  const { publish, clock, take, open } = createFlow({ maxBacklogBytes: 200 * mebibyte });
  publish(...texts(4).map((text) => text.repeat(32 * mebibyte)));
  await clock.advance(10);
  expect(open).toHaveLength(2);
  for (const { answer } of take()) answer(204);
  await clock.advance(10);
  expect(open).toHaveLength(2);
});

test('a retired flow settles what is on its way, starts nothing and leaves no timer', async () => {
  const { publish, clock, open, flow, lease } = createFlow();
  publish(...texts(6));
  await clock.advance(10);
  flow.retire();
  for (const [index, { answer }] of open.entries()) answer(index === 0 ? 500 : 204);
  await clock.advance(10);
  expect(open).toHaveLength(4);
  expect(clock.pendingTimers()).toBe(0);
  expect(lease().map(textOf)).toEqual(['4', '5', '0']);
});

test('when the server stops, an answer settles nothing', async () => {
  const { publish, clock, open, flow, stopping, backlog } = createFlow();
  publish('a');
  await clock.advance(10);
  stopping.abort();
  flow.retire();
  for (const { answer } of open) answer(204);
  await clock.advance(10);
  expect(backlog.storedBytes).toBe(1);
});
