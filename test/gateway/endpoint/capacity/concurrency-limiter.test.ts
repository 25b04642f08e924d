import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { nothingHeld } from '../../../../gateway/endpoint/in-flight.ts';
import { intakeOfOne, many, shed } from '../../../support/intakes.ts';

test('of an endpoint that tells nothing: sixteen sheddable requests, and pressure by count', () => {
  const { intake, run } = intakeOfOne();
  expect([intake.window, intake.pressure]).toEqual([16, 0]);
  many(8, () => run(shed));
  expect(intake.pressure).toBe(0.5);
  many(8, () => run(shed));
  expect(intake.roomInMs('sheddable')).toBeUndefined();
  expect(intake.roomInMs('realtime')).toBe(0);
});

test('an engine is full when two readings saw a queue, and one of ours would wait behind it', () => {
  const { clock, intake, run, reads } = intakeOfOne();
  many(4, () => run());
  reads({ running: 3, waiting: 1 });
  reads({ running: 3, waiting: 1 });
  expect(intake.engineFull, 'who just came waits for a step').toBe(false);
  clock.nowMs += 60;
  reads({ running: 4, waiting: 1 });
  expect(intake.engineFull).toBe(false);
  reads({ running: 4, waiting: 1 });
  expect(intake.engineFull).toBe(true);
  expect([intake.roomInMs('realtime'), intake.roomInMs('sheddable')]).toEqual([undefined, undefined]);
});

test('an engine whose places are taken is full for sheddable work, and says so', () => {
  const { intake, run, readsAQueue } = intakeOfOne();
  many(2, () => run(shed));
  readsAQueue(2, 1);
  expect(intake.pressure).toBeGreaterThanOrEqual(1);
  expect([intake.roomInMs('sheddable'), intake.roomInMs('realtime')]).toEqual([undefined, undefined]);
});

test('an engine that tells nothing any more has no limit that it told', () => {
  const { clock, intake, run, readsAQueue } = intakeOfOne();
  many(2, () => run(shed));
  readsAQueue(2, 1);
  expect(intake.toEvict).toBe(2);
  clock.nowMs += 2000;
  expect([intake.toEvict, intake.roomInMs('sheddable')]).toEqual([0, 0]);
});

test('real-time requests do not wait in the engine for what sheddable work holds; for each other they may', () => {
  const { intake, run, readsAQueue } = intakeOfOne();
  const running = [run(), run(shed)];
  for (const each of running) each.chunk();
  readsAQueue(2, 1);
  // Somebody else's request waits there too.
  expect([intake.toEvict, intake.roomInMs('realtime')]).toEqual([undefined, 0]);
  const more = run(shed);
  more.chunk();
  readsAQueue(3, 0);
  expect([intake.toEvict, intake.roomInMs('realtime')]).toEqual([1, undefined]);
  running[1]?.end();
  expect([intake.toEvict, intake.roomInMs('realtime')]).toEqual([0, 0]);
});

test('who is found waiting in an engine that is full has its place made, when it is due', () => {
  const { clock, reads, readsAQueue, run } = intakeOfOne();
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
  expect(evicted, 'nobody of ours waits any more').toEqual([1]);
  for (const each of sheds) each.end();
});

test('one of ours that waits nowhere does not make it full: the queue is somebody else’s', () => {
  const { intake, run, reads } = intakeOfOne();
  const mine = run();
  mine.chunk();
  for (let reading = 0; reading < 3; reading += 1) reads({ running: 9, waiting: 4 });
  expect(intake.engineFull).toBe(false);
});

test.each<[string, { waiting?: number; kvCacheUtilization?: number }, number]>([
  ['an idle one', {}, 0],
  ['five waiting', { waiting: 5 }, 1],
  ['the KV cache at four fifths', { kvCacheUtilization: 0.8 }, 1],
])('pressure of %s', (_, reading, expected) => {
  const { intake, reads } = intakeOfOne();
  reads(reading);
  expect(intake.pressure).toBeCloseTo(expected, 9);
});

test.each([
  ['at the target', 30, 1],
  ['half of it', 15, 0.5],
])('pressure from token gaps: %s', (_, gapMs, expected) => {
  const { intake, run, stream } = intakeOfOne();
  stream([run()], gapMs, 40);
  expect(intake.pressure).toBeCloseTo(expected, 2);
});

test('a window opens while it is used and there is room, and closes when streams slow down', () => {
  const { intake, run, stream } = intakeOfOne();
  const batch = many(16, () => run(shed));
  stream(batch, 15, 200);
  const opened = intake.window;
  expect(opened).toBeGreaterThan(17);
  stream(batch, 60, 100);
  expect(intake.window).toBeLessThan(12);
});

test('whole answers alone, without metrics or streams, open the window as well', () => {
  const { clock, intake, run } = intakeOfOne();
  for (let round = 0; round < 10; round += 1) {
    const batch = many(intake.window, () => run({ ...shed, stream: false }));
    clock.nowMs += 500;
    for (const each of batch) {
      each.stay.served(50);
      each.end();
    }
  }
  expect(intake.window).toBeGreaterThan(20);
  for (let round = 0; round < 20; round += 1) {
    const one = run({ ...shed, stream: false });
    clock.nowMs += 5000;
    one.stay.served(50);
    one.end();
  }
  clock.nowMs += 10_000;
  expect(intake.window).toBe(1);
});

test('an engine that is slow when it is idle is not full for that: what counts is how much slower it gets', () => {
  const { endpoint, intake, run, stream } = intakeOfOne();
  const alone = endpoint.situationOf(1, 0);
  for (let answer = 0; answer < 50; answer += 1) endpoint.latency.learnTpot(alone, 60);
  stream([run(shed)], 60, 40);
  expect(intake.pressure).toBeGreaterThan(0.6);
  expect(intake.pressure).toBeLessThan(0.75);
  stream([run(shed)], 120, 60);
  expect(intake.pressure).toBeGreaterThan(1);
});

test.each<[string, number, 'chunk' | 'end', number]>([
  ['refused at once', 10, 'end', 10],
  ['a tenth of what was expected', 100, 'chunk', 100],
  ['what was expected', 1000, 'chunk', 1000],
  ['more than that', 3000, 'chunk', 0],
])('the next sheddable prompt waits for what the last one took: %s', (_, tookMs, sign, leftMs) => {
  const { clock, endpoint, intake, run } = intakeOfOne();
  vi.spyOn(endpoint.latency, 'prefillMs').mockImplementation((tokens) => tokens);
  const one = run({ ...shed, promptTokens: 1000, stream: sign === 'chunk' });
  expect(intake.roomInMs('sheddable')).toBe(2000);
  clock.nowMs += tookMs;
  one[sign]();
  expect(intake.roomInMs('sheddable')).toBeCloseTo(leftMs, 6);
});

test('a first token that was promised sooner than a step takes closes no engine', () => {
  const { clock, intake, run, reads } = intakeOfOne();
  for (let request = 0; request < 30; request += 1) {
    const one = run({ ttftSloMs: 1 });
    clock.nowMs += 20;
    one.chunk();
    reads({ running: 1 });
    expect(intake.pressure).toBeLessThan(0.5);
    one.end();
  }
});

test('more real-time work than usual takes from the window at once, and gives it back', () => {
  const { intake, run, reads } = intakeOfOne();
  reads();
  const before = intake.window;
  const burst = many(10, () => run());
  expect(intake.window).toBe(before - 10);
  for (const each of burst) each.end();
  expect(intake.window).toBe(before);
});

test('sheddable prompts leave half of the engine’s time to others', () => {
  const { clock, intake, run, reads } = intakeOfOne();
  reads();
  run({ ...shed, promptTokens: 1000 });
  // 1,000 tokens take 26 ms, as long as nothing is known, and the next may come after twice that.
  expect(intake.roomInMs('sheddable')).toBeCloseTo(51.8, 6);
  clock.nowMs += 52;
  expect(intake.roomInMs('sheddable')).toBe(0);
});

test('and twice as late where they hold up real-time work', () => {
  const { clock, intake, run, reads } = intakeOfOne();
  reads();
  const realtime = run();
  realtime.chunk();
  run({ ...shed, promptTokens: 1000 });
  expect(intake.roomInMs('sheddable')).toBeCloseTo(103.6, 6);
  clock.nowMs += 104;
  expect(intake.roomInMs('sheddable')).toBe(0);
});

test('misses beside sheddable work lower its sloBudgetFactor; alone they do not', () => {
  const { clock, intake, run } = intakeOfOne();
  const late = () => {
    const mine = run({ ttftSloMs: 100 });
    clock.nowMs += 500;
    mine.chunk();
    mine.stay.served(undefined);
    mine.end();
  };
  late();
  expect(intake.sloBudgetFactor).toBe(0.5);
  run(shed);
  late();
  expect(intake.sloBudgetFactor).toBeCloseTo(0.5 * Math.exp(-0.0198), 9);
});

test('without sheddable work the pressure would be that of the others', () => {
  const { intake, run, stream } = intakeOfOne();
  const all = [...many(12, () => run(shed)), ...many(4, () => run())];
  stream(all, 30, 40, { running: 16, kvCacheUtilization: 0.8 });
  expect(intake.pressure).toBeCloseTo(1, 1);
  expect(intake.realtimePressure).toBeCloseTo(0.25, 1);
});

test('any interleaving: no stay stays, and an endpoint that is idle has room for everyone', () => {
  const act = fc.constantFrom('run', 'shed', 'chunk', 'end', 'served', 'reading', 'wait');
  fc.assert(
    fc.property(fc.array(fc.record({ act, of: fc.nat(9), size: fc.nat(3000) })), (steps) => {
      const { clock, intake, ledger, run, reads } = intakeOfOne();
      const running = new Map<number, ReturnType<typeof run>>();
      for (const { act, of, size } of steps) {
        const each = running.get(of);
        if ((act === 'run' || act === 'shed') && !each) {
          running.set(of, run({ priority: act === 'run' ? 0 : -1, promptTokens: size, stream: of % 3 > 0 }));
        }
        if (act === 'chunk') each?.chunk();
        if (act === 'served') each?.stay.served(size);
        if (act === 'end') {
          each?.end();
          each?.end();
        }
        if (act === 'reading') reads({ running: of, waiting: of % 4, kvCacheUtilization: of / 10 });
        if (act === 'wait') clock.nowMs += size;
        expect(intake.window).toBeGreaterThanOrEqual(0);
        expect(intake.pressure).toBeGreaterThanOrEqual(0);
        expect(intake.realtimePressure).toBeLessThanOrEqual(intake.pressure + 1e-9);
      }
      for (const each of running.values()) each.end();
      expect([intake.stays.size, ledger.realtime, ledger.sheddable]).toEqual([0, nothingHeld, nothingHeld]);
      clock.nowMs += 3_000_000;
      expect(intake.engineFull).toBe(false);
      expect(intake.roomInMs('realtime')).toBe(0);
      if (intake.window > 0 && intake.pressure < 1) expect(intake.roomInMs('sheddable')).toBe(0);
    }),
  );
});
