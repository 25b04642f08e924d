import { expect, test } from 'vitest';
import { FrontEnd } from '../../../infra/local/model-server/front-end.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function setUp(changes: { speed?: number; requestMs?: number; metricsMs?: number } = {}) {
  const clock = createManualClock(0);
  const frontEnd = new FrontEnd({ clock, speed: 1, requestMs: 2, metricsMs: 7, ...changes });
  const ended: string[] = [];
  const note = (name: string, work: Promise<void>) => void work.then(() => ended.push(`${name} at ${clock.nowMs()}`));
  return { clock, frontEnd, ended, note };
}

test('requests and pages are done one after another, in order', async () => {
  const { clock, frontEnd, ended, note } = setUp();
  note('a', frontEnd.takeRequest(0));
  note('b', frontEnd.takeRequest(0));
  note('page', frontEnd.takePage());
  note('c', frontEnd.takeRequest(0));
  await clock.advance(100);
  expect(ended).toEqual(['a at 2', 'b at 4', 'page at 11', 'c at 13']);
});

test.each([
  ['a short prompt', 0, 2],
  ['a prompt of 2,000 tokens', 2000, 8.4],
  ['a prompt of 4,000 tokens', 4000, 14.8],
])('%s takes as long as measured', async (_, promptTokens, tookMs) => {
  const { clock, frontEnd, ended, note } = setUp();
  note('a', frontEnd.takeRequest(promptTokens));
  await clock.advance(100);
  expect(ended).toEqual([`a at ${tookMs}`]);
});

test('a faster model server has a faster front end', async () => {
  const { clock, frontEnd, ended, note } = setUp({ speed: 2 });
  note('a', frontEnd.takeRequest(0));
  note('page', frontEnd.takePage());
  await clock.advance(100);
  expect(ended).toEqual(['a at 1', 'page at 4.5']);
});

test('what is shorter than a timer’s grain does not wait, but adds up', async () => {
  const { clock, frontEnd, ended, note } = setUp({ speed: 5 });
  for (const name of 'abcd') note(name, frontEnd.takeRequest(0));
  await clock.advance(100);
  // 0.4 ms each: two are done before a timer could fire, the others at their own times.
  expect(ended).toEqual(['a at 0', 'b at 0', 'c at 1.2000000000000002', 'd at 1.6']);
});

test('switched off, nothing waits and no timer runs', async () => {
  const { clock, frontEnd, ended, note } = setUp({ requestMs: 0, metricsMs: 0 });
  for (let request = 0; request < 1000; request += 1) note('a', frontEnd.takeRequest(10_000));
  note('page', frontEnd.takePage());
  await clock.advance(0);
  expect(ended).toHaveLength(1001);
  expect(clock.pendingTimers()).toBe(0);
});

test('stopped, nothing that waits is ever done, and no timer is left', async () => {
  const { clock, frontEnd, ended, note } = setUp();
  note('a', frontEnd.takeRequest(0));
  note('b', frontEnd.takeRequest(0));
  frontEnd.stop();
  await clock.advance(100);
  expect(ended).toEqual([]);
  expect(clock.pendingTimers()).toBe(0);
});
