import { expect, test } from 'vitest';
import { Permit } from '../../../../functions/processor/dispatch/permit.ts';
import { mono } from '../../../support/instants.ts';

test('is ended once: what comes later is not heard', () => {
  const heard: unknown[] = [];
  const permit = new Permit(
    (outcome, atMs) => heard.push([outcome, atMs]),
    (atMs) => heard.push(atMs),
  );
  permit.token(mono(4));
  permit.end({ became: 'failure' }, mono(5));
  permit.token(mono(5));
  permit.end({ became: 'success' }, mono(6));
  expect(heard).toEqual([4, [{ became: 'failure' }, 5]]);
});
