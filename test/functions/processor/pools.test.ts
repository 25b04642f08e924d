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
  const clock = createManualClock();
  const events = { onReading: () => {}, onBreaker: () => {} };
  const pools = createPools(policies, readConfig(functionSchema, env), clock, clock, events);
  expect(pools.all.map(({ name }) => name)).toEqual(names);
  expect(pools.of(policies.of('s')).name).toBe(names.at(-1));
});
