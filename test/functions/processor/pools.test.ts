import { expect, test } from 'vitest';
import { functionSchema } from '../../../functions/processor/config.ts';
import { createPools } from '../../../functions/processor/pools.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const env = { INFERENCE_GATEWAY_URL: 'http://gateway:80', RESULT_TOPIC: 'results', RETRY_TOPIC: 'retries' };

test.each([
  ['the same URL, written otherwise', { INFERENCE_GATEWAY_URL: 'http://gateway/' }, ['gateway']],
  ['another path', { INFERENCE_GATEWAY_URL: 'http://gateway/b' }, ['gateway', 'gateway/b']],
  ['another scheme', { INFERENCE_GATEWAY_URL: 'https://gateway:80' }, ['gateway', 'https://gateway:80']],
  ['another pool behind it', { INFERENCE_POOL: 'b' }, ['gateway', 'b@gateway']],
])('%s', (_, entry, names) => {
  const policies = readPolicies(JSON.stringify({ s: entry }), env);
  const pools = createPools({
    policies,
    settings: readConfig(functionSchema, env),
    sourcesOf: () => [],
    clock: createManualClock(),
    events: { breakerChanged: () => undefined, capacityRead: () => undefined, escalationPaused: () => undefined },
    onReading: () => undefined,
  });
  expect(pools.all.map(({ name }) => name)).toEqual(names);
  expect(pools.of(policies.of('s')).name).toBe(names.at(-1));
});

test('policies that share a pool share its load, and the largest of their ceilings', async () => {
  const policies = readPolicies(JSON.stringify({ a: { MAX_IN_FLIGHT: 3 }, b: { MAX_IN_FLIGHT: 1 } }), {
    ...env,
    MAX_IN_FLIGHT: '2',
  });
  const clock = createManualClock();
  const told: string[] = [];
  let asked = 0;
  const source = {
    name: 'x',
    read: async () => {
      asked += 1;
      return { source: 'x', saturation: 1, ageMs: 0 };
    },
  };
  const pools = createPools({
    policies,
    settings: readConfig(functionSchema, env),
    sourcesOf: () => [source],
    clock,
    events: {
      breakerChanged: (pool, path, isOpen) => told.push(`${pool} ${path} ${isOpen}`),
      capacityRead: (pool, { gate }) => told.push(`${pool} ${gate}`),
      escalationPaused: (pool, isPaused) => told.push(`${pool} ${isPaused}`),
    },
    onReading: () => told.push('review'),
  });
  const pool = pools.of(policies.of('a'));
  expect([pools.of(policies.of('b')), pools.of(policies.of('other'))]).toEqual([pool, pool]);
  pool.advance(clock.nowMs());
  await clock.advance(0);
  expect(asked).toBe(1);
  expect(told).toEqual(['gateway saturated', 'review']);
  const call = {
    path: '/p',
    maxOutputTokens: undefined,
    job: '',
    message: 'm',
    tenant: '',
    arrivedAtMs: clock.nowMs(),
  };
  for (let calls = 0; calls < 20; calls += 1) {
    const permit = pool.take(call, clock.nowMs(), () => undefined);
    permit.end({ became: 'success' }, clock.nowMs());
  }
  for (let trips = 0; trips < 5; trips += 1) {
    const permits = [1, 2, 3, 4].map(() => pool.take(call, clock.nowMs(), () => undefined));
    for (const permit of permits) permit.end({ became: 'success' }, clock.nowMs());
  }
  expect(pool.limit).toBe(3);
});
