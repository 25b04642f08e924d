import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Metrics } from '../../../gateway/observe/metrics.ts';
import { Observer } from '../../../gateway/observe/observer.ts';
import { RecentChoices } from '../../../gateway/observe/recent-choices.ts';
import { routerWorld } from '../../support/router-world.ts';

test('an endpoint that cannot keep what is promised when it is idle is warned of, once', () => {
  const lines: string[] = [];
  const { clock, router, submit, endpoint } = routerWorld({ endpoints: 'ab' });
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const metrics = new Metrics({ poolName: 'p', router, priorities: () => [0] });
  router.subscribe(new Observer({ log, metrics, choices: new RecentChoices() }));
  const slow = endpoint('a');
  const alone = slow.featuresOf(1, 0);
  for (let answer = 0; answer < 50; answer += 1) {
    slow.latency.learnTtft(alone, 20);
    slow.latency.learnTpot(alone, 65);
  }
  for (let request = 0; request < 6; request += 1) submit('r', { tpotSloMs: 50 }).serve(clock.now());
  expect(lines.filter((line) => line.includes('cannot keep'))).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ endpoint: 'a:1', promisedTpotMs: 50 });
});
