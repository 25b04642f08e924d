import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CapacityGate, type SourcesRead } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import type { GateState } from '../../../../functions/processor/dispatch/gate.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

/** A gate whose load is what the test puts down: a saturation with its age, nothing, or no answer for a while. */
function setUp() {
  const clock = createManualClock();
  const load = { saturation: undefined as number | undefined, ageMs: 0, takesMs: 0 };
  let readings = 0;
  let ended = 0;
  const read = async (): Promise<SourcesRead> => {
    readings += 1;
    const { takesMs } = load;
    if (takesMs > 0) await new Promise<void>((over) => clock.after(takesMs, over));
    const { saturation, ageMs } = load;
    return { answers: new Map(), reading: saturation === undefined ? undefined : { source: 'a', saturation, ageMs } };
  };
  const gate = new CapacityGate({
    read,
    refreshMs: 5000,
    maxAgeMs: 60_000,
    openAt: 0.75,
    closeAt: 0.9,
    clock,
    onReading: () => {
      ended += 1;
    },
  });
  /** A message asks, and sees the gate. */
  const look = (): GateState | undefined => {
    gate.advance(clock.nowMs());
    return gate.at(clock.nowMs()).gate;
  };
  return {
    gate,
    clock,
    load,
    look,
    readings: () => readings,
    ended: () => ended,
    /** The same, once the reading that it may have caused has ended. */
    async lookTwice() {
      look();
      await settle();
      return look();
    },
    /** Looks every second. */
    async watch(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1000);
        look();
        await settle();
      }
      return look();
    },
  };
}

test('one reading per period, whatever looks', async () => {
  const { look, clock, load, readings } = setUp();
  load.saturation = 0.5;
  for (let times = 0; times < 1000; times += 1) look();
  await settle();
  await clock.advance(4999);
  for (let times = 0; times < 1000; times += 1) look();
  expect(readings()).toBe(1);
  await clock.advance(1);
  for (let times = 0; times < 1000; times += 1) look();
  expect(readings()).toBe(2);
});

test('a reading without data is remembered for a period too', async () => {
  const { readings, watch } = setUp();
  expect(await watch(20)).toBe('unknown');
  expect(readings()).toBe(4);
});

test('nothing is read while no message looks', async () => {
  const { clock, lookTwice, readings } = setUp();
  await lookTwice();
  await clock.advance(3_600_000);
  expect(readings()).toBe(1);
  expect(clock.pendingTimers()).toBe(0);
});

describe('to see the gate changes nothing', () => {
  test('no reading begins, however long it is due', async () => {
    const { gate, clock, lookTwice, readings, load } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    await clock.advance(3_600_000);
    const seen = [1, 2, 3].map(() => gate.at(clock.nowMs()));
    expect(seen).toEqual([seen[0], seen[0], seen[0]]);
    expect(readings()).toBe(1);
  });
  test('to look ahead forgets nothing', async () => {
    const { gate, clock, lookTwice, load } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    const before = gate.at(clock.nowMs());
    expect(gate.at(later(clock.nowMs(), 10_000))).toMatchObject({ gate: undefined, lastGate: 'open' });
    expect(gate.at(later(clock.nowMs(), 60_001))).toMatchObject({ gate: undefined, lastGate: 'unknown' });
    expect(gate.at(clock.nowMs())).toEqual(before);
  });
});

describe('a reading', () => {
  test('is unknown until the first has ended', async () => {
    const { look, load } = setUp();
    load.saturation = 0;
    expect(look()).toBeUndefined();
    await settle();
    expect(look()).toBe('open');
  });

  test('serves while its source cannot be asked, until it is too old', async () => {
    const { load, lookTwice, watch } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    load.saturation = undefined;
    expect(await watch(60)).toBe('open');
    expect(await watch(1)).toBe('unknown');
  });

  test('that stays the same point becomes too old', async () => {
    const { load, lookTwice, clock, watch } = setUp();
    load.saturation = 0.5;
    const startMs = clock.nowMs();
    Object.defineProperty(load, 'ageMs', { get: () => clock.nowMs() - startMs });
    expect(await lookTwice()).toBe('open');
    expect(await watch(60)).toBe('open');
    expect(await watch(1)).toBe('unknown');
  });

  test.each<[number | undefined, string]>([
    [0.5, 'open'],
    [undefined, 'unknown'],
  ])('decides when it ends, however many periods it took: %s', async (saturation, expected) => {
    const { look, clock, load, ended } = setUp();
    Object.assign(load, { saturation, takesMs: 10_000 });
    look();
    await clock.advance(10_000);
    expect(ended()).toBe(1);
    load.takesMs = 20_000;
    expect(look()).toBe(expected);
    await clock.advance(9_999);
    expect(look()).toBe(expected);
  });

  test('counts only once it was read anew when no message looked for two periods', async () => {
    const { look, clock, load, lookTwice } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    load.saturation = 1;
    await clock.advance(9999);
    expect(look()).toBe('open');
    await settle();
    await clock.advance(10_000);
    expect(look()).toBeUndefined();
    await settle();
    expect(look()).toBe('saturated');
  });

  test('is not known any more when it is too old, also for a message that cannot wait', async () => {
    const { gate, look, clock, load, lookTwice } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    load.takesMs = 1e9;
    await clock.advance(60_000);
    expect(look()).toBeUndefined();
    expect(gate.at(clock.nowMs()).lastGate).toBe('open');
    await clock.advance(1);
    expect(look()).toBeUndefined();
    expect(gate.at(clock.nowMs()).lastGate).toBe('unknown');
  });
});

describe('a gate that closed', () => {
  test('stays closed between the thresholds, whether anything of ours runs or not, and opens below the lower one', async () => {
    const { load, lookTwice, watch } = setUp();
    load.saturation = 0.95;
    expect(await lookTwice()).toBe('saturated');
    load.saturation = 0.75;
    expect(await watch(600)).toBe('saturated');
    load.saturation = 0.749;
    expect(await watch(6)).toBe('open');
  });

  test('stays closed when the load was not known meanwhile', async () => {
    const { load, lookTwice, watch } = setUp();
    load.saturation = 0.95;
    await lookTwice();
    load.saturation = undefined;
    expect(await watch(70)).toBe('unknown');
    load.saturation = 0.8;
    expect(await watch(6)).toBe('saturated');
  });
});

describe('the reading that is shown', () => {
  test('is there while messages ask, and grows old where its source is silent', async () => {
    const { gate, clock, load, lookTwice, watch } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    load.saturation = undefined;
    await watch(30);
    expect(gate.readingAt(clock.nowMs())?.takenAtMs).toBe(later(clock.nowMs(), -30_000));
  });
  test('is not there while no message asks, nor before the load was read anew', async () => {
    const { gate, clock, load, look, lookTwice } = setUp();
    load.saturation = 0.5;
    await lookTwice();
    await clock.advance(9999);
    expect(gate.readingAt(clock.nowMs())).toBeDefined();
    await clock.advance(1);
    expect(gate.readingAt(clock.nowMs())).toBeUndefined();
    look();
    expect(gate.readingAt(clock.nowMs())).toBeUndefined();
    await settle();
    expect(gate.readingAt(clock.nowMs())?.takenAtMs).toBe(clock.nowMs());
  });
});
