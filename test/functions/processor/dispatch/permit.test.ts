import { expect, test } from 'vitest';
import { type CallOutcome, Permit } from '../../../../functions/processor/dispatch/permit.ts';
import { mono } from '../../../support/instants.ts';

test('is ended once: what comes later is not heard', () => {
  const heard: [CallOutcome, number][] = [];
  const permit = new Permit((outcome, atMs) => heard.push([outcome, atMs]));
  permit.end({ became: 'failure' }, mono(5));
  permit.end({ became: 'success' }, mono(6));
  expect(heard).toEqual([[{ became: 'failure' }, 5]]);
});
