import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attempt } from '../../../gateway/endpoint/attempt.ts';
import { openAttempt } from '../../support/attempts.ts';
import { ends, poolOf } from '../../support/pools.ts';
import { readingsOfPool } from '../../support/readings.ts';

const names = ['a', 'b', 'c'];
const outcomes = ['complete', 'complete', 'complete', 'broken', 'unreachable', 'timed_out', 'abandoned'] as const;
const statuses = [200, 200, 200, 429, 500];

/** Three endpoints that get the same events as those of any other such world. */
function worldOf() {
  const { pool, clock, endpoint } = poolOf(...names);
  const attempts = new Map<number, Attempt>();
  const at = (which: number) => endpoint(names[which % names.length]!);
  const events: Readonly<Record<string, (which: number, size: number) => void>> = {
    open: (which, size) => {
      if (attempts.has(which)) return;
      const blocks = Uint32Array.from({ length: size % 40 }, (_, index) => index + 1);
      const wish = { priority: (which % 2) - 1, stream: size % 3 > 0, promptTokens: size, promptBlocks: blocks };
      attempts.set(which, openAttempt(at(which), clock.nowMs, wish));
    },
    'first byte': (which, size) => attempts.get(which)?.firstByte(statuses[size % 5]!, size % 3, clock.nowMs),
    chunks: (which, size) => {
      attempts.get(which)?.firstByte(200, 0, clock.nowMs);
      for (let chunk = 0; chunk < 6; chunk += 1) {
        clock.nowMs += size % 70;
        attempts.get(which)?.chunk(clock.nowMs);
      }
    },
    reported: (which, size) =>
      attempts.get(which)?.reported({ promptTokens: size, completionTokens: size % 300, cachedTokens: size % 200 }),
    end: (which, size) => {
      attempts.get(which)?.end(outcomes[size % outcomes.length]!, clock.nowMs);
      attempts.delete(which);
    },
    reading: (which, size) =>
      at(which).recordLoad({ running: size % 9, waiting: size % 4, kvCacheUtilization: (size % 10) / 10 }),
    models: (which, size) =>
      pool.recordModels(at(which), size % 2 ? new Map([['m', { max_model_len: size }]]) : undefined),
    health: (which, size) => at(which).health.recordHealth(size % 3 > 0),
    failures: (which) => ends(at(which), 'failed', 5),
    restart: (which) => at(which).health.startSlowly(),
    moment: (_, size) => {
      clock.nowMs += size % 30;
    },
    wait: (which, size) => {
      clock.nowMs += size * (which + 1);
    },
  };
  return {
    happen: (name: string, which: number, size: number) => events[name]?.(which, size),
    read: () => [
      readingsOfPool(pool, clock.nowMs),
      [...attempts.values()].map((each) => each.progressTokens(clock.nowMs)),
    ],
    names: Object.keys(events),
  };
}

test('an endpoint that is read at any moments tells and does the same as one that is not', () => {
  const step = fc.record({
    // Mostly ordinary ones, in short time: there is more to be read then.
    event: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('open', 'chunks', 'moment', 'end', 'reading') },
      { weight: 1, arbitrary: fc.constantFrom(...worldOf().names) },
    ),
    which: fc.nat(6),
    size: fc.nat(2000),
    reads: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), (steps) => {
      const [readWorld, unreadWorld] = [worldOf(), worldOf()];
      for (const { event, which, size, reads } of steps) {
        for (let read = 0; read < reads; read += 1) readWorld.read();
        for (const world of [readWorld, unreadWorld]) world.happen(event, which, size);
      }
      expect(readWorld.read()).toEqual(unreadWorld.read());
    }),
    { numRuns: 150 },
  );
});

test('two reads in a row tell the same', () => {
  const world = worldOf();
  for (let event = 0; event < 200; event += 1)
    world.happen(world.names[event % world.names.length]!, event % 9, event * 37);
  expect(world.read()).toEqual(world.read());
});
