import { setImmediate as settle } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Capacity, type SourceAnswer } from '../../../../functions/processor/capacity/capacity.ts';
import type { SourceReading } from '../../../../functions/processor/dispatch/gate.ts';
import { longAgo, type MonotonicMs, never } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

type Said = number | undefined | Error | 'hangs';

/** Sources that say what the test puts down for them: a saturation as of now, nothing, an error, or not even that. */
function setUp(...names: string[]) {
  const clock = createManualClock();
  const says: Record<string, Said> = {};
  const ages: Record<string, number> = {};
  const asked: string[] = [];
  const answers: ReadonlyMap<string, SourceAnswer>[] = [];
  let ownCallsUntilMs: MonotonicMs = longAgo;
  const source = (name: string) => ({
    name,
    read: async (): Promise<SourceReading | undefined> => {
      asked.push(name);
      const said = says[name];
      if (said instanceof Error) throw said;
      if (said === 'hangs') return new Promise(() => undefined);
      return said === undefined ? undefined : { source: name, saturation: said, ageMs: ages[name] ?? 0 };
    },
  });
  const capacity = new Capacity({
    sources: names.map(source),
    refreshMs: 5000,
    maxAgeMs: 60_000,
    openAt: 0.75,
    closeAt: 0.9,
    clock,
    ownCallsUntilMs: () => ownCallsUntilMs,
    onReading: (answered) => answers.push(answered),
  });
  return {
    capacity,
    clock,
    says,
    ages,
    asked,
    answers,
    ownCalls: (untilMs: MonotonicMs) => {
      ownCallsUntilMs = untilMs;
    },
    /** A look, and what is known once its reading has ended. */
    async look() {
      capacity.look();
      await settle();
      return capacity.look();
    },
    /** Looks every second. */
    async watch(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1000);
        capacity.look();
        await settle();
      }
      return capacity.look();
    },
  };
}

test('one reading per period, whatever looks', async () => {
  const { capacity, clock, says, asked } = setUp('a');
  says.a = 0.5;
  for (let look = 0; look < 1000; look += 1) capacity.look();
  await settle();
  await clock.advance(4999);
  for (let look = 0; look < 1000; look += 1) capacity.look();
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  for (let look = 0; look < 1000; look += 1) capacity.look();
  expect(asked).toHaveLength(2);
});

test('errors are remembered for a period too', async () => {
  const { says, asked, watch } = setUp('a');
  says.a = new Error('away');
  expect(await watch(20)).toBe('unknown');
  expect(asked).toHaveLength(4);
});

test('nothing is asked while nobody looks', async () => {
  const { clock, look, asked } = setUp('a');
  await look();
  await clock.advance(3_600_000);
  expect(asked).toHaveLength(1);
  expect(clock.pendingTimers()).toBe(0);
});

describe('sources', () => {
  const rows: [string, Said, Said, string, Record<string, boolean>][] = [
    ['the first that has data wins', 0.1, 1, 'a', { a: true }],
    ['zero is data', 0, 1, 'a', { a: true }],
    ['one without data is passed over', undefined, 0.1, 'b', { a: false, b: true }],
    ['one that cannot be asked is passed over', new Error('away'), 0.1, 'b', { a: false, b: true }],
    ['one that says NaN is passed over', Number.NaN, 0.1, 'b', { a: false, b: true }],
    ['infinity is data', Number.POSITIVE_INFINITY, 0.1, 'a', { a: true }],
    ['one that says a negative value is passed over', -1, 0.1, 'b', { a: false, b: true }],
  ];
  test.each(rows)('%s', async (_name, a, b, expected, had) => {
    const { capacity, says, answers, look } = setUp('a', 'b');
    Object.assign(says, { a, b });
    await look();
    expect(capacity.reading?.source).toBe(expected);
    expect(Object.fromEntries([...(answers[0] ?? [])].map(([name, { hasData }]) => [name, hasData]))).toEqual(had);
  });

  test('one whose newest point is too old is passed over', async () => {
    const { capacity, says, ages, look } = setUp('a', 'b');
    Object.assign(says, { a: 0, b: 1 });
    ages.a = 60_001;
    expect(await look()).toBe('saturated');
    expect(capacity.reading?.source).toBe('b');
  });

  test('what is wrong with one is told', async () => {
    const { says, answers, look } = setUp('a', 'b', 'c');
    Object.assign(says, { a: new Error('away'), b: Number.NaN, c: undefined });
    await look();
    const [said] = answers;
    expect(said?.get('a')).toEqual({ hasData: false, why: 'away' });
    expect(said?.get('b')?.why).toContain('NaN');
    expect(said?.get('c')).toEqual({ hasData: false });
  });

  test('one that never answers holds nothing up for long', async () => {
    const { capacity, clock, says } = setUp('a', 'b');
    Object.assign(says, { a: 'hangs', b: 0.1 });
    capacity.look();
    await clock.advance(2499);
    expect(capacity.look()).toBeUndefined();
    await clock.advance(1);
    expect(capacity.look()).toBe('open');
  });
});

describe('a reading', () => {
  test('is unknown until the first has ended', async () => {
    const { capacity, says } = setUp('a');
    says.a = 0;
    expect(capacity.look()).toBeUndefined();
    await settle();
    expect(capacity.look()).toBe('open');
  });

  test('serves while its source cannot be asked, until it is too old', async () => {
    const { says, look, watch } = setUp('a');
    says.a = 0.5;
    await look();
    says.a = new Error('away');
    expect(await watch(60)).toBe('open');
    expect(await watch(1)).toBe('unknown');
  });

  test('that stays the same point becomes too old', async () => {
    const { says, ages, look, clock, watch } = setUp('a');
    says.a = 0.5;
    const startMs = clock.nowMs();
    Object.defineProperty(ages, 'a', { get: () => clock.nowMs() - startMs });
    expect(await look()).toBe('open');
    expect(await watch(60)).toBe('open');
    expect(await watch(1)).toBe('unknown');
  });

  test.each<[Said, string]>([
    [0.5, 'open'],
    [undefined, 'unknown'],
  ])('decides when it ends, however many periods it took: %s', async (said, expected) => {
    const { capacity, clock, says, answers } = setUp('a', 'b', 'c', 'd', 'e');
    Object.assign(says, { a: 'hangs', b: 'hangs', c: 'hangs', d: 'hangs', e: said });
    capacity.look();
    await clock.advance(10_000);
    expect(answers).toHaveLength(1);
    expect(capacity.look()).toBe(expected);
    await clock.advance(9_999);
    expect(capacity.look()).toBe(expected);
  });

  test('counts only once it was read anew when nobody looked for two periods', async () => {
    const { capacity, clock, says, look } = setUp('a');
    says.a = 0.5;
    await look();
    says.a = 1;
    await clock.advance(9999);
    expect(capacity.look()).toBe('open');
    await settle();
    await clock.advance(10_000);
    expect(capacity.look()).toBeUndefined();
    await settle();
    expect(capacity.look()).toBe('saturated');
  });

  test('is not known any more when it is too old, also to who cannot wait', async () => {
    const { capacity, clock, says, look } = setUp('a');
    says.a = 0.5;
    await look();
    await clock.advance(60_000);
    expect(capacity.look()).toBeUndefined();
    expect(capacity.gate).toBe('open');
    await clock.advance(60_001);
    expect(capacity.look()).toBeUndefined();
    expect(capacity.gate).toBe('unknown');
  });
});

describe('a gate that closed', () => {
  test('opens between the thresholds a minute after the pool was full and our calls ended', async () => {
    const { clock, says, ownCalls, look, watch } = setUp('a');
    says.a = 0.95;
    expect(await look()).toBe('saturated');
    ownCalls(never);
    says.a = 0.8;
    expect(await watch(300)).toBe('saturated');
    ownCalls(clock.nowMs());
    expect(await watch(59)).toBe('saturated');
    expect(await watch(6)).toBe('open');
  });

  test('waits a minute as well where nothing of ours ever ran', async () => {
    const { says, look, watch } = setUp('a');
    says.a = 0.95;
    await look();
    says.a = 0.8;
    expect(await watch(59)).toBe('saturated');
    expect(await watch(6)).toBe('open');
  });

  test('stays closed while others fill the pool', async () => {
    const { says, look, watch } = setUp('a');
    says.a = 0.95;
    await look();
    expect(await watch(600)).toBe('saturated');
  });
});
