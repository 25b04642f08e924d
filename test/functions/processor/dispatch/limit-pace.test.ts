import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BasePace,
  factorOf,
  kindOf,
  nextBase,
  nextSlowness,
  notSlow,
  type Slowness,
} from '../../../../functions/processor/dispatch/limit-pace.ts';
import { mono } from '../../../support/instants.ts';

const generation = { model: 'm', promptTokens: 100, outputTokens: 100, durationMs: 1000 };
const known: BasePace = { msPerToken: 10, samples: 8, atMs: mono(0) };
const quarterHourMs = 15 * 60_000;

describe('calls are alike', () => {
  const kind = kindOf(generation);
  const rows: [string, Partial<typeof generation>, boolean][] = [
    ['within the same power of two', { promptTokens: 120, outputTokens: 65 }, true],
    ['however long they took', { durationMs: 9000 }, true],
    ['not with twice the output', { outputTokens: 200 }, false],
    ['not with twice the prompt', { promptTokens: 200 }, false],
    ['not of another model', { model: 'n' }, false],
  ];
  test.each(rows)('%s', (_, changed, same) => {
    expect(kindOf({ ...generation, ...changed }) === kind).toBe(same);
  });
  test.each([
    ['embeddings', { outputTokens: 0 }],
    ['answers of a few tokens', { outputTokens: 7 }],
    ['answers in no time', { durationMs: 0 }],
  ])('%s tell no pace', (_, changed) => {
    expect(kindOf({ ...generation, ...changed })).toBeUndefined();
  });
});

describe('the base', () => {
  const rows: [string, BasePace | undefined, number, number, number][] = [
    ['begins with the first', undefined, 30, 0, 30],
    ['goes an eighth of the way down', known, 2, 0, 9],
    ['does not jump up', known, 100, 0, 10],
    ['rises with time', known, 100, quarterHourMs, 20],
    ['not above what is seen', known, 12, quarterHourMs, 19],
  ];
  test.each(rows)('%s', (_, base, msPerToken, nowMs, expected) => {
    expect(nextBase(base, msPerToken, mono(nowMs)).msPerToken).toBeCloseTo(expected);
  });
});

describe('slowness', () => {
  const after = (paces: readonly number[], base = known): number | undefined =>
    factorOf(paces.reduce<Slowness>((slowness, pace) => nextSlowness(slowness, base, pace), notSlow));
  const eight = (pace: number): number[] => Array.from({ length: 8 }, () => pace);

  test('is unknown until eight calls told', () => {
    expect(after(eight(50).slice(1))).toBeUndefined();
    expect(after(eight(50))).toBeCloseTo(5);
  });
  test('is not told against a base that is hardly known', () => {
    expect(after(eight(50), { ...known, samples: 7 })).toBeUndefined();
  });
  test('one straggler counts little', () => {
    expect(after([...eight(10), 10_000])).toBeLessThan(1.5);
  });
  test('it is forgotten as calls become quick again', () => {
    expect(after([...eight(50), ...eight(10), ...eight(10)])).toBeLessThan(1.5);
  });
  test('a steady pool is never slow, whatever its kinds', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 8, max: 15, noNaN: true }), { minLength: 30 }), (paces) => {
        let base: BasePace | undefined;
        let slowness = notSlow;
        for (const [index, pace] of paces.entries()) {
          slowness = nextSlowness(slowness, base, pace);
          base = nextBase(base, pace, mono(index * 1000));
        }
        expect(factorOf(slowness) ?? 1).toBeLessThan(2);
      }),
    );
  });
});
