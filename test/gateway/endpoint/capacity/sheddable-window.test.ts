import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextWindow, SheddableWindow } from '../../../../gateway/endpoint/capacity/sheddable-window.ts';

test.each([
  ['idle and used: opens by a whole step', 16, 16, 0, 17],
  ['a large one opens in proportion', 100, 100, 0, 106],
  ['close to enough: opens by less', 16, 16, 0.675, 16.5],
  ['not used: stands', 50, 20, 0.1, 50],
  ['just enough: stands', 50, 50, 0.9, 50],
  ['almost full: stands', 50, 50, 0.99, 50],
  ['full: falls a little', 50, 50, 1, 47.5],
  ['too full: falls with the excess', 50, 50, 1.25, 40],
  ['far too full: falls to seven tenths', 50, 50, 7, 35],
  ['full and hardly used: falls from what is used', 50, 10, 1, 9.5],
  ['full with nothing of its own: closed', 50, 0, 1, 0],
  ['closed, and idle again: opens', 0, 0, 0, 1],
])('%s', (_, window, inFlight, pressure, expected) => {
  expect(nextWindow(window, inFlight, pressure)).toBeCloseTo(expected, 9);
});

test('it never opens under full pressure, and never falls below it', () => {
  const pressures = fc.double({ min: 0, max: 100, noNaN: true });
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.nat(1000),
      pressures,
      (window, inFlight, pressure) => {
        const next = nextWindow(window, inFlight, pressure);
        expect(next).toBeGreaterThanOrEqual(0);
        if (pressure >= 1) expect(next).toBeLessThanOrEqual(0.95 * Math.min(window, inFlight));
        else expect(next).toBeGreaterThanOrEqual(window);
      },
    ),
  );
});

/** A window of 10 requests that are all there, after looks at the pressure and at what real-time work feels of it. */
function lookedAt(looks: readonly (readonly [pressure: number, feltPressure: number])[]): SheddableWindow {
  const window = new SheddableWindow();
  for (const [pressure, feltPressure] of looks) window.look({ inFlight: 10, pressure, feltPressure });
  return window;
}

const pressed = [1, 1] as const;
const well = [0.95, 0.95] as const;

test.each([
  ['four looks at too much', [pressed, pressed, pressed, pressed], 0],
  ['the fifth one', [pressed, pressed, pressed, pressed, pressed], 2],
  ['the tenth one', Array.from({ length: 10 }, () => pressed), 4],
  ['looks at too much with one at less in between', [pressed, pressed, pressed, pressed, well, pressed], 0],
  ['one at less that comes last', [pressed, pressed, pressed, pressed, pressed, well], 0],
  ['a full endpoint that real-time work does not feel', Array.from({ length: 10 }, () => [1, 0.9] as const), 0],
] as const)('requests to stop beyond the window after %s', (_, looks, expected) => {
  expect(lookedAt(looks).surplus(10)).toBe(expected);
});

test('what is within the window is never stopped', () => {
  const window = lookedAt([pressed, pressed, pressed, pressed, pressed, pressed]);
  expect(window.surplus(Math.floor(window.requests))).toBe(0);
  expect(window.surplus(0)).toBe(0);
});
