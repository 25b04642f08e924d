import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasItsShare, slowStartMs, slowStartShare } from '../../../../gateway/endpoint/health/slow-start.ts';

test.each([
  [-1, 0],
  [0, 0],
  [slowStartMs / 4, 0.25],
  [slowStartMs, 1],
  [slowStartMs * 9, 1],
])('%i ms after its start it may have %d of what others have', (sinceMs, share) => {
  expect(slowStartShare(sinceMs)).toBe(share);
});

const others = { inFlight: 20, perSecond: 40 };
test.each([
  ['at the start: the first request', 0, 0, 0, false],
  ['at the start: a second one beside it', 0, 1, 0, true],
  ['at the start: the next, soon after the first', 0, 0, 0.21, true],
  ['at the start: the next, a while after the first', 0, 0, 0.2, false],
  ['in the middle: below half of both', 0.5, 9, 20, false],
  ['in the middle: half in flight', 0.5, 10, 0, true],
  ['in the middle: more than half of the rate', 0.5, 0, 20.1, true],
])('%s', (_, share, inFlight, perSecond, has) => {
  expect(hasItsShare(share, { inFlight, perSecond }, others)).toBe(has);
});

test('beside idle ones it may have one request at a time', () => {
  const idle = { inFlight: 0, perSecond: 0 };
  expect(hasItsShare(0.9, { inFlight: 0, perSecond: 0 }, idle)).toBe(false);
  expect(hasItsShare(0.9, { inFlight: 1, perSecond: 0 }, idle)).toBe(true);
});

test('more time never allows less', () => {
  const carried = fc.record({ inFlight: fc.nat(100), perSecond: fc.double({ min: 0, max: 1000, noNaN: true }) });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(carried, carried, share, share, (own, rest, one, other) => {
      const [sooner, later] = [Math.min(one, other), Math.max(one, other)];
      if (!hasItsShare(sooner, own, rest)) expect(hasItsShare(later, own, rest)).toBe(false);
    }),
  );
});
