import { describe, expect, test } from 'vitest';
import { askSources, type CapacitySource } from '../../../../functions/processor/capacity/ask-sources.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

/** What a source says: a saturation with its age in milliseconds, nothing, an error, or no answer at all. */
type Said = { readonly saturation: number; readonly ageMs?: number } | undefined | Error | 'hangs';

const maxAgeMs = 60_000;
const sourceOf = (name: string, said: Said): CapacitySource => ({
  name,
  read: async () => {
    if (said instanceof Error) throw said;
    if (said === 'hangs') return new Promise(() => undefined);
    return said && { source: name, ageMs: 0, ...said };
  },
});
const sourcesOf = (said: Readonly<Record<string, Said>>) =>
  Object.entries(said).map(([name, says]) => sourceOf(name, says));

const low = { saturation: 0.1 };
const rows: [string, Said, string, Record<string, boolean>][] = [
  ['the first that has data wins', low, 'a', { a: true }],
  ['zero is data', { saturation: 0 }, 'a', { a: true }],
  ['infinity is data', { saturation: Number.POSITIVE_INFINITY }, 'a', { a: true }],
  ['a point as old as may be is data', { saturation: 0, ageMs: maxAgeMs }, 'a', { a: true }],
  [
    'one whose newest point is too old is passed over',
    { saturation: 0, ageMs: maxAgeMs + 1 },
    'b',
    { a: false, b: true },
  ],
  ['one without data is passed over', undefined, 'b', { a: false, b: true }],
  ['one that cannot be asked is passed over', new Error('away'), 'b', { a: false, b: true }],
  ['one that says NaN is passed over', { saturation: Number.NaN }, 'b', { a: false, b: true }],
  ['one that says a negative value is passed over', { saturation: -1 }, 'b', { a: false, b: true }],
];
test.each(rows)('%s', async (_name, a, expected, had) => {
  const { reading, answers } = await askSources(sourcesOf({ a, b: low }), maxAgeMs, createManualClock());
  expect(reading?.source).toBe(expected);
  expect(Object.fromEntries([...answers].map(([name, { hasData }]) => [name, hasData]))).toEqual(had);
});

test('what is wrong with one is told', async () => {
  const said = { a: new Error('away'), b: { saturation: Number.NaN, ageMs: 1700 }, c: undefined };
  const { reading, answers } = await askSources(sourcesOf(said), maxAgeMs, createManualClock());
  expect(reading).toBeUndefined();
  expect(Object.fromEntries(answers)).toEqual({
    a: { hasData: false, why: 'away' },
    b: { hasData: false, why: 'its newest point, 2 s old, says NaN' },
    c: { hasData: false },
  });
});

describe('one that never answers', () => {
  test('holds nothing up for more than two and a half seconds, and leaves no timer', async () => {
    const clock = createManualClock();
    let source: string | undefined;
    void askSources(sourcesOf({ a: 'hangs', b: low }), maxAgeMs, clock).then(({ reading }) => {
      source = reading?.source;
    });
    await clock.advance(2499);
    expect(source).toBeUndefined();
    await clock.advance(1);
    expect(source).toBe('b');
    expect(clock.pendingTimers()).toBe(0);
  });
});
