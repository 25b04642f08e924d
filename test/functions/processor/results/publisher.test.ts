import { type AddressInfo, createServer } from 'node:net';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { PublishError } from '../../../../functions/processor/results/publish-error.ts';
import { createPublisher } from '../../../../functions/processor/results/publisher.ts';
import { connectTopics } from '../../../../functions/processor/results/pubsub-topics.ts';
import { monotonicClock } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const message = { topic: 't', data: Buffer.from('x'), attributes: {} };
const grpcError = (code: number) => Object.assign(new Error(`code ${code}`), { code });
const notFound = grpcError(5);
const unavailable = grpcError(14);

/** A Pub/Sub whose tries end as the test says, the last for good; undefined confirms, `hangs` says nothing. */
function setUp(...tries: readonly (Error | undefined | 'hangs')[]) {
  const clock = createManualClock(0);
  const tried: { readonly atMs: number; readonly isFirst: boolean }[] = [];
  const publish = createPublisher(async (_, isFirst) => {
    const how = tries[Math.min(tried.length, tries.length - 1)];
    tried.push({ atMs: clock.now(), isFirst });
    if (how === 'hangs') return new Promise(() => undefined);
    if (how) throw how;
  }, clock);
  const start = (budgetMs: number) => {
    const publishing = { ended: undefined as string | undefined, error: undefined as unknown };
    publish(message, budgetMs).then(
      () => Object.assign(publishing, { ended: 'confirmed' }),
      (error: unknown) => Object.assign(publishing, { ended: 'failed', error }),
    );
    return publishing;
  };
  return { clock, tried, start };
}

test('a message that is confirmed is tried once, together with others', async () => {
  const { clock, tried, start } = setUp(undefined);
  const publishing = start(15_000);
  await clock.advance(0);
  expect(publishing.ended).toBe('confirmed');
  expect(tried).toEqual([{ atMs: 0, isFirst: true }]);
  expect(clock.pendingTimers()).toBe(0);
});

test('an error is tried again, alone, after pauses that double up to two seconds', async () => {
  const { clock, tried, start } = setUp(...Array.from({ length: 7 }, () => unavailable), undefined);
  const publishing = start(15_000);
  await clock.advance(15_000);
  expect(publishing.ended).toBe('confirmed');
  expect(tried.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700, 1500, 3100, 5100, 7100]);
  expect(tried.map(({ isFirst }) => isFirst)).toEqual([true, ...Array(7).fill(false)]);
});

describe('is given up', () => {
  test('when the budget leaves no time for another try', async () => {
    const { clock, tried, start } = setUp(unavailable);
    const publishing = start(800);
    await clock.advance(700);
    expect(publishing).toMatchObject({ ended: 'failed', error: { message: 'publishing to t failed: code 14' } });
    expect(tried).toHaveLength(4);
  });
  test('when the next try would begin as the budget ends', async () => {
    const { clock, tried, start } = setUp(unavailable);
    const publishing = start(700);
    await clock.advance(300);
    expect(publishing.ended).toBe('failed');
    expect(tried).toHaveLength(3);
  });
  test('when a later try says nothing until the budget is over', async () => {
    const { clock, start } = setUp(unavailable, 'hangs');
    const publishing = start(800);
    await clock.advance(799);
    expect(publishing.ended).toBeUndefined();
    await clock.advance(1);
    expect(publishing.ended).toBe('failed');
  });
  test('when a try says nothing until the budget is over', async () => {
    const { clock, start } = setUp('hangs');
    const publishing = start(800);
    await clock.advance(799);
    expect(publishing.ended).toBeUndefined();
    await clock.advance(1);
    expect(publishing).toMatchObject({
      ended: 'failed',
      error: { message: 'publishing to t failed: no answer in time' },
    });
  });
  test('without a budget, after one try', async () => {
    const { clock, tried, start } = setUp('hangs');
    const publishing = start(-5);
    await clock.advance(0);
    expect(publishing.ended).toBe('failed');
    expect(tried).toHaveLength(1);
  });
  test.each([3, 5, 7, 16])('when another try would fail alike, after one alone: code %i', async (code) => {
    const { clock, tried, start } = setUp(grpcError(code));
    const publishing = start(15_000);
    await clock.advance(100);
    expect(publishing.ended).toBe('failed');
    expect(tried).toHaveLength(2);
  });
  test('not when it was the fault of another message of the same request', async () => {
    const { clock, start } = setUp(notFound, undefined);
    const publishing = start(15_000);
    await clock.advance(100);
    expect(publishing.ended).toBe('confirmed');
  });
});

test.each([
  [3, true],
  [5, false],
  [7, false],
  [14, false],
])('code %i is the message’s own fault: %s', (code, isMessagesFault) => {
  expect(new PublishError('t', grpcError(code)).isMessagesFault).toBe(isMessagesFault);
});

test('the official client’s attempt ends with its budget', async () => {
  const silent = createServer();
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
  afterAll(() => silent.close());
  vi.stubEnv('PUBSUB_EMULATOR_HOST', `127.0.0.1:${(silent.address() as AddressInfo).port}`);
  const publish = createPublisher(connectTopics('test', monotonicClock), monotonicClock);
  await expect(publish(message, 200)).rejects.toThrow('publishing to t failed: no answer in time');
});
