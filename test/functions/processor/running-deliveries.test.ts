import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { DeliveryStatus } from '../../../functions/processor/delivery-status.ts';
import { ResultCache } from '../../../functions/processor/results/result-cache.ts';
import { RunningDeliveries } from '../../../functions/processor/running-deliveries.ts';

describe('running deliveries', () => {
  function setUp() {
    const running = new RunningDeliveries();
    const work = Promise.withResolvers<DeliveryStatus>();
    let runs = 0;
    let signal: AbortSignal | undefined;
    const join = (key: string) =>
      running.join(key, (stop) => {
        runs += 1;
        signal = stop;
        return work.promise;
      });
    return { running, work, join, runs: () => runs, isStopped: () => signal?.aborted };
  }

  test('a second one of the same message joins, and gets the same status', async () => {
    const { join, work, runs, running } = setUp();
    const both = [join('a').status, join('a').status];
    work.resolve(204);
    expect(await Promise.all(both)).toEqual([204, 204]);
    expect([runs(), running.size]).toEqual([1, 0]);
  });
  test('another message runs on its own', async () => {
    const { join, runs } = setUp();
    join('a');
    join('b');
    await settle();
    expect(runs()).toBe(2);
  });
  test('it is stopped when the last connection is gone', async () => {
    const { join, isStopped } = setUp();
    const [first, second] = [join('a'), join('a')];
    await settle();
    first.leave();
    first.leave();
    expect(isStopped()).toBe(false);
    second.leave();
    expect(isStopped()).toBe(true);
  });
  test('one that throws leaves nothing behind', async () => {
    const { join, work, running } = setUp();
    const failing = join('a').status;
    work.reject(new Error('x'));
    await expect(failing).rejects.toThrow('x');
    expect(running.size).toBe(0);
  });
  test('all can be given up: each is answered 503, and its late end changes nothing', async () => {
    const { join, work, running } = setUp();
    const both = [join('a').status, join('b').status];
    await settle();
    running.giveUpAll();
    expect(await Promise.all(both)).toEqual([503, 503]);
    work.reject(new Error('late'));
    await settle();
    expect(running.size).toBe(0);
  });
  test('all can be stopped', async () => {
    const { join, running, isStopped } = setUp();
    join('a');
    await settle();
    running.stopAll();
    expect(isStopped()).toBe(true);
  });
});

describe('what could not be published', () => {
  test('is kept until it is taken, once', () => {
    const kept = new ResultCache<string>(10);
    kept.keep('a', 'result', 5);
    expect([kept.take('a'), kept.take('a')]).toEqual(['result', undefined]);
    kept.keep('empty', 'no bytes', 0);
    expect(kept.take('empty')).toBe('no bytes');
  });
  test('is bounded, the oldest makes room', () => {
    const kept = new ResultCache<string>(10);
    kept.keep('a', 'A', 5);
    kept.keep('b', 'B', 5);
    kept.keep('c', 'C', 1);
    kept.keep('d', 'D', 11);
    expect(['a', 'b', 'c', 'd'].map((key) => kept.take(key))).toEqual([undefined, 'B', 'C', undefined]);
  });
  test('is counted once when it is kept again', () => {
    const kept = new ResultCache<string>(10);
    for (let time = 0; time < 5; time += 1) kept.keep('a', 'A', 6);
    expect(kept.take('a')).toBe('A');
  });
});
