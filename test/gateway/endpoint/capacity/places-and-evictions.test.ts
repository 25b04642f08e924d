import { expect, test } from 'vitest';
import { StepModel } from '../../../../gateway/endpoint/latency/step-model.ts';
import { many, oneEndpoint, shed } from '../../../support/attempts.ts';

test('an endpoint that tells nothing takes eight requests, and its pressure goes by their count', () => {
  const { limiter, run } = oneEndpoint();
  expect([limiter.window, limiter.pressure, limiter.places.count]).toEqual([16, 0, 8]);
  many(7, () => run(shed));
  expect([limiter.roomInMs('sheddable'), limiter.roomInMs('realtime')]).not.toContain(undefined);
  run(shed);
  expect(limiter.pressure).toBe(0.5);
  expect([limiter.roomInMs('sheddable'), limiter.roomInMs('realtime')]).toEqual([undefined, undefined]);
});

test.each([
  ['a stream whose first byte is as soon as alone', true, 0, 9],
  ['one whose first byte is late', true, 1000, 8],
  ['a whole answer that is as soon as alone', false, 100, 9],
  ['one that is late', false, 2000, 8],
])('without pages the limit grows by answers: %s', (_, stream, tookMs, places) => {
  const { clock, limiter, run } = oneEndpoint();
  const all = many(8, () => run({ stream }));
  clock.nowMs += tookMs;
  if (stream) all[0]?.chunk();
  else all[0]?.end();
  expect(limiter.places.count, 'the first one says nothing of an eighth place').toBe(8);
  all[7]?.served(16);
  expect(limiter.places.count).toBe(places);
});

test.each([
  ['as soon as those before, by what they say of their tokens', 16, 100, 9],
  ['late for their tokens', 16, 300, 8],
  ['as soon as those before, which say nothing of tokens', undefined, 100, 9],
  ['late, and nothing is said of tokens', undefined, 300, 8],
])('without pages or streams the limit grows by whole answers that come %s', (_, tokens, lastTookMs, places) => {
  const { clock, limiter, run } = oneEndpoint({ stepModel: new StepModel() });
  const all = many(8, () => run({ stream: false }));
  clock.nowMs += 100;
  for (const each of all.slice(0, 7)) each.served(tokens);
  expect(limiter.places.count, 'the first seven say nothing of an eighth place').toBe(8);
  clock.nowMs += lastTookMs - 100;
  all[7]?.served(tokens);
  expect(limiter.places.count).toBe(places);
});

test('answers tell where the page shows nothing while requests of ours are there', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  const all = many(8, () => run());
  clock.nowMs += 60;
  reads({ running: 8 });
  const count = limiter.places.count;
  const more = many(count - 8, () => run());
  for (const each of more) each.chunk();
  expect(limiter.places.count, 'a page that tells').toBe(count);
  clock.nowMs += 60;
  reads();
  expect(limiter.places.count, 'an odd page keeps the limit').toBe(count);
  all[0]?.end();
  run().chunk();
  expect(limiter.places.count).toBe(count + 1);
});

test('a stream that begins in the place of one that ended tells nothing of another place', () => {
  const { limiter, run } = oneEndpoint();
  const all = many(8, () => run());
  all[0]?.end();
  all[7]?.chunk();
  expect(limiter.places.count).toBe(8);
});

test('where there are pages they alone tell the limit', () => {
  const { limiter, run, reads } = oneEndpoint();
  reads();
  for (const each of many(8, () => run())) each.chunk();
  expect(limiter.places.count).toBe(8);
});

test('an engine is full when two readings saw a queue, and one of ours would wait behind it', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  many(4, () => run());
  reads({ running: 3, waiting: 1 });
  reads({ running: 3, waiting: 1 });
  expect(limiter.engineFull, 'a request that came just now waits for a step').toBe(false);
  clock.nowMs += 60;
  reads({ running: 4, waiting: 1 });
  expect(limiter.engineFull).toBe(false);
  reads({ running: 4, waiting: 1 });
  expect(limiter.engineFull).toBe(true);
  expect([limiter.roomInMs('realtime'), limiter.roomInMs('sheddable')]).toEqual([undefined, undefined]);
});

test('an engine whose places are taken is full for sheddable work, and says so', () => {
  const { limiter, run, readsAQueue } = oneEndpoint();
  many(2, () => run(shed));
  readsAQueue(2, 1);
  expect(limiter.pressure).toBeGreaterThanOrEqual(1);
  expect([limiter.roomInMs('sheddable'), limiter.roomInMs('realtime')]).toEqual([undefined, undefined]);
});

test('an engine that tells nothing any more, or something odd, keeps the limit that it told', () => {
  const { clock, limiter, run, reads, readsAQueue } = oneEndpoint();
  many(2, () => run(shed));
  readsAQueue(2, 1);
  expect(limiter.toEvict).toBe(2);
  reads({ running: 0, waiting: 0 });
  expect([limiter.places.count, limiter.roomInMs('realtime')]).toEqual([2, undefined]);
  clock.nowMs += 2000;
  expect([limiter.places.count, limiter.roomInMs('realtime'), limiter.roomInMs('sheddable')]).toEqual([
    2,
    undefined,
    undefined,
  ]);
});

test('real-time requests do not wait in the engine for what sheddable work holds; for each other they may', () => {
  const { limiter, run, readsAQueue } = oneEndpoint();
  const running = [run(), run(shed)];
  for (const each of running) each.chunk();
  readsAQueue(2, 1);
  // A request that another client sent waits there too.
  expect([limiter.toEvict, limiter.roomInMs('realtime')]).toEqual([undefined, 0]);
  const more = run(shed);
  more.chunk();
  readsAQueue(3, 0);
  expect([limiter.toEvict, limiter.roomInMs('realtime')]).toEqual([1, undefined]);
  running[1]?.end();
  expect([limiter.toEvict, limiter.roomInMs('realtime')]).toEqual([0, 0]);
});

test('a real-time request that waits in a full engine gets a place made for it when it is due', () => {
  const { clock, reads, readsAQueue, run } = oneEndpoint();
  const evicted: number[] = [];
  const sheds = [9, 2, 5].map((chunks, index) => {
    const each = run({
      ...shed,
      onEvict: () => {
        evicted.push(index);
        each.end();
      },
    });
    for (let chunk = 0; chunk < chunks; chunk += 1) each.chunk();
    return each;
  });
  const real = run({ ttftSloMs: 1000 });
  readsAQueue(3, 1);
  expect(evicted).toEqual([]);
  clock.nowMs += 200;
  reads({ running: 3, waiting: 1 });
  expect(evicted).toEqual([1]);
  real.chunk();
  reads({ running: 3, waiting: 1 });
  expect(evicted, 'none of ours waits any more').toEqual([1]);
  for (const each of sheds) each.end();
});

test('where none of ours waits the engine is not full: the queue is that of other clients', () => {
  const { limiter, run, reads } = oneEndpoint();
  const mine = run();
  mine.chunk();
  for (let reading = 0; reading < 3; reading += 1) reads({ running: 9, waiting: 4 });
  expect(limiter.engineFull).toBe(false);
});

/**
 * Thirty sheddable streams, each a chunk further than the one before it, beside three chats with fast tokens for ten seconds, and then
 * chunks with these gaps.
 * @returns those that were stopped, in order
 */
function streamed({
  gapMs,
  durationMs,
  chatsLeave = false,
}: {
  gapMs: number;
  durationMs: number;
  chatsLeave?: boolean;
}) {
  const { run, stream } = oneEndpoint();
  const stopped: number[] = [];
  const chats = [run(), run(), run()];
  stream(chats, 20, 500, { running: 3 });
  const running = new Set(chats);
  if (chatsLeave) for (const each of chats) each.end();
  if (chatsLeave) running.clear();
  for (let index = 0; index < 30; index += 1) {
    const onEvict = (): void => {
      stopped.push(index);
      running.delete(each);
      each.end();
    };
    const each = run({ ...shed, onEvict });
    running.add(each);
    for (let chunk = 0; chunk <= index; chunk += 1) each.chunk();
  }
  for (let passedMs = 0; passedMs < durationMs; passedMs += gapMs) {
    stream([...running], gapMs, 1, { running: running.size });
  }
  return stopped;
}

test('sheddable requests beyond the window are stopped once tokens were too slow for a second, the least progress first', () => {
  expect(streamed({ gapMs: 45, durationMs: 900 })).toEqual([]);
  const stopped = streamed({ gapMs: 45, durationMs: 3000 });
  expect(stopped.length).toBeGreaterThan(5);
  expect(stopped).toEqual([...stopped].sort((a, b) => a - b));
});

test.each([
  ['tokens are fast enough', { gapMs: 20, durationMs: 5000 }],
  ['the real-time work has just left', { gapMs: 45, durationMs: 3000, chatsLeave: true }],
])('none is stopped where %s', (_, work) => {
  expect(streamed(work)).toEqual([]);
});
