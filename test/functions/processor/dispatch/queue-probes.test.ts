import { setImmediate as settle } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Asking, setUp, success } from './queue-world.ts';

/** A queue before a path that five messages have found to be out. */
function setUpOutage() {
  const world = setUp();
  for (const message of ['a', 'b', 'c', 'd', 'e'])
    world.pool.breakers.ended('/p', message, 'sick', world.clock.nowMs());
  return { ...world, ask: (asked: Parameters<typeof world.ask>[0]) => world.ask({ giveUpAtMs: 1e9, ...asked }) };
}

const isProbing = ({ admitted }: Asking): boolean => admitted?.got === 'permit';

test('tenants take turns to probe, whatever their deadlines, and the first that goes well lets all go', async () => {
  const { ask, clock, end } = setUpOutage();
  const poison = [1, 2, 3].map((index) =>
    ask({ message: `poison ${index}`, tenant: 'poison', deadlineAtMs: 1e6 + index }),
  );
  const healthy = [1, 2].map((index) =>
    ask({ message: `healthy ${index}`, tenant: 'healthy', deadlineAtMs: 2e6 + index }),
  );
  await clock.advance(1000);
  expect(poison.map(isProbing)).toEqual([true, false, false]);
  end(poison[0]!, { became: 'failure' });
  await clock.advance(1000);
  expect([...poison.slice(1), ...healthy].map(isProbing)).toEqual([false, false, true, false]);
  end(healthy[0]!, success);
  await settle();
  expect([...poison.slice(1), healthy[1]!].map(isProbing)).toEqual([true, false, true]);
  end(poison[1]!, { became: 'failure' });
  await settle();
  expect(isProbing(poison[2]!)).toBe(true);
});

test('within a tenant what has not failed goes first, and a lone message probes again', async () => {
  const { ask, clock, end } = setUpOutage();
  const retry = ask({ message: 'retry', hasFailed: true, deadlineAtMs: 1e6 });
  const fresh = ask({ message: 'fresh', deadlineAtMs: 2e6 });
  await clock.advance(1000);
  expect([retry, fresh].map(isProbing)).toEqual([false, true]);
  end(fresh, { became: 'failure' });
  await clock.advance(1000);
  expect(isProbing(retry)).toBe(true);
  end(retry, { became: 'failure' });
  const again = ask({ message: 'retry', hasFailed: true });
  await clock.advance(1000);
  expect(isProbing(again)).toBe(true);
});
