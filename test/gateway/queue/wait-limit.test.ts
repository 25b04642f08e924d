import { expect, test } from 'vitest';
import { waitLimitOf } from '../../../gateway/queue/wait-limit.ts';

const options = { queueTimeoutMs: 60_000, sheddableWaitMs: 10_000 };

test.each([
  ['real-time work without a limit', 'realtime', undefined, 60_000, 'queue_timeout'],
  ['real-time work with a shorter one', 'realtime', 2000, 2000, 'queue_timeout'],
  ['real-time work with a longer one', 'realtime', 90_000, 60_000, 'queue_timeout'],
  ['sheddable work without a limit', 'sheddable', undefined, 10_000, 'saturated'],
  ['sheddable work with a longer one', 'sheddable', 20_000, 10_000, 'saturated'],
  ['sheddable work with a shorter one', 'sheddable', 2000, 2000, 'queue_timeout'],
] as const)('%s', (_, workClass, queueTtlMs, timeoutMs, code) => {
  expect(waitLimitOf({ workClass, queueTtlMs }, options)).toEqual({ timeoutMs, code });
});

test('sheddable work whose queue timeout is shorter is told that its time is over', () => {
  expect(waitLimitOf({ workClass: 'sheddable' }, { queueTimeoutMs: 5000, sheddableWaitMs: 10_000 })).toEqual({
    timeoutMs: 5000,
    code: 'queue_timeout',
  });
});
