import { afterAll, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';

const world = await startFunctionWorld({ MAX_WAIT_SECONDS: '39', CAPACITY_REFRESH_SECONDS: '2' });
afterAll(() => world.close());

/** Runs in the function: a signal sets its wall clock, and only that. */
const setter = (ms: number): string => `
  const RealDate = Date;
  let aheadMs = 0;
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length > 0 ? given : [RealDate.now() + aheadMs]));
    }
    static now() {
      return RealDate.now() + aheadMs;
    }
  };
  process.on('SIGUSR2', () => {
    aheadMs = ${ms};
    process.stdout.write('the clock is set\\n');
  });`;

test.each([
  ['back', -3_600_000],
  ['ahead', 3_600_000],
])('the wall clock is set %s by an hour while the gate is closed: it opens in its time', async (direction, ms) => {
  const id = `clock ${direction}`;
  await world.restart({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(setter(ms))}` });
  const closed = answering(429, '{}', { 'retry-after': '2' });
  world.upstream.play((call, response, index) => (index === 0 ? closed : answering(200))(call, response, index));
  const pushed = world.push({ data: { id, payload: { messages: [] } } });
  await until(() => world.upstream.calls.length === 1, { what: 'the call that finds no room' });
  process.kill(world.service().pid, 'SIGUSR2');
  await until(() => world.service().output().includes('the clock is set'), { what: 'the clock' });
  expect(await pushed).toBe(204);
  expect(await world.push()).toBe(204);
  const { attributes } = await world.arrived('results', id);
  expect(attributes).toMatchObject({ status: 'succeeded', attempts: '1' });
});
