import { expect, test } from 'vitest';
import { Overload } from '../../../../functions/processor/dispatch/overload.ts';
import { mono } from '../../../support/instants.ts';

function counted(met: number, lost: number): Overload {
  const overload = new Overload();
  for (let count = 0; count < met; count += 1) overload.met(mono(0));
  for (let count = 0; count < lost; count += 1) overload.lost(mono(0));
  return overload;
}

test.each([
  ['nothing ended', 0, 0, 0, false],
  ['19 lost alone', 0, 19, 0, false],
  ['20 lost alone', 0, 20, 0, true],
  ['20 lost of a thousand', 980, 20, 0, true],
  ['20 lost of more', 981, 20, 0, false],
  ['20 lost a moment before five minutes', 0, 20, 299_999, true],
  ['20 lost five minutes ago', 0, 20, 300_000, false],
])('%s', (_, met, lost, nowMs, expected) => {
  expect(counted(met, lost).isOn(mono(nowMs))).toBe(expected);
});

test('what was lost before counts for at most five minutes, while others are met', () => {
  const overload = counted(0, 20);
  overload.met(mono(160_000));
  expect(overload.isOn(mono(160_000))).toBe(true);
  overload.met(mono(310_000));
  expect(overload.isOn(mono(310_000))).toBe(false);
});
