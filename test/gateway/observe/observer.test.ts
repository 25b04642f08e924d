import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { Metrics } from '../../../gateway/observe/metrics.ts';
import { Observer } from '../../../gateway/observe/observer.ts';
import { RecentChoices } from '../../../gateway/observe/recent-choices.ts';
import { RequestLog } from '../../../gateway/observe/request-log.ts';
import type { Router } from '../../../gateway/router.ts';
import { teachSteps } from '../../support/known-steps.ts';
import { routerWorld } from '../../support/router-world.ts';
import { ScriptedRouting } from '../../support/scripted-routing.ts';

/** All that observes a gateway, its log at the most talkative. */
function observe(router: Router) {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
  const metrics = new Metrics({ poolName: 'p', router, priorities: () => [100, 0, -1] });
  const choices = new RecentChoices();
  const requestLog = new RequestLog('all', (line) => lines.push(JSON.stringify(line)));
  const observer = new Observer({ log, metrics, choices, requestLog });
  router.subscribe(observer);
  router.pool.subscribe(observer);
  return { lines, metrics, choices };
}

/** How a line of either log says that a request ended. */
function endingOf(line: string): string | undefined {
  const { outcome, code } = JSON.parse(line) as { readonly outcome?: string; readonly code?: string | null };
  return outcome ?? (code === null ? 'served' : code);
}

const untilMs = 12_000;
const everyMs = 300;

test('without any observation the router routes and learns the same', async () => {
  /** Outcomes of requests, and the lines that name none. */
  const told = new Set<string>();
  for (const seed of [1, 2, 3]) {
    const [observed, unobserved] = [new ScriptedRouting(seed), new ScriptedRouting(seed)];
    const { lines, metrics, choices } = observe(observed.router);
    for (let atMs = everyMs; atMs <= untilMs; atMs += everyMs) {
      observed.runTo(atMs);
      unobserved.runTo(atMs);
      expect(observed.learned).toEqual(unobserved.learned);
      await metrics.registry.metrics();
      choices.explained();
    }
    expect(observed.log).toEqual(unobserved.log);
    expect(observed.learned.requests, 'every request has ended').toBe(0);
    for (const line of lines) told.add(endingOf(line) ?? line);
  }
  expect([...told], 'the scripts hold every kind of ending').toEqual(
    expect.arrayContaining(['served', 'saturated', 'evicted', 'upstream_error', 'upstream_timeout', 'client_gone']),
  );
  expect([...told].some((line) => line.includes('ejected'))).toBe(true);
});

test('an endpoint that cannot keep what is promised when it is idle is warned of, once', () => {
  const lines: string[] = [];
  const { clock, router, submit, endpoint } = routerWorld({ endpoints: 'ab' });
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const metrics = new Metrics({ poolName: 'p', router, priorities: () => [0] });
  router.subscribe(
    new Observer({ log, metrics, choices: new RecentChoices(), requestLog: new RequestLog('none', () => {}) }),
  );
  const slow = endpoint('a');
  teachSteps(router.pool.stepModel);
  vi.spyOn(slow.latency.steps, 'slownessAlone', 'get').mockReturnValue(8);
  for (let request = 0; request < 6; request += 1) submit('r', { tpotSloMs: 50 }).serve(clock.now());
  expect(lines.filter((line) => line.includes('cannot keep'))).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ endpoint: 'a:1', promisedTpotMs: 50 });
});
