import { expect, test } from 'vitest';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { instanceSize } from '../../../infra/gcp/instance-size.ts';

const mebibyte = 1024 * 1024;
const base = { INFERENCE_GATEWAY_URL: 'http://a.example', RESULT_TOPIC: 'results', RETRY_TOPIC: 'retries' };

function size(env: Readonly<Record<string, string>>, file?: object, maxBufferedMebibytes = 256) {
  const policies = readPolicies(file && JSON.stringify(file), { ...base, ...env });
  return instanceSize({ policies, maxWaiting: 128, maxBufferedBytes: maxBufferedMebibytes * mebibyte });
}

test.each([
  ['one pool', {}, undefined, 100 + 128 + 16],
  ['two subscriptions of one pool: the larger limit', {}, { b: { MAX_IN_FLIGHT: 40 } }, 100 + 128 + 16],
  ['two pools of one gateway: both', {}, { b: { INFERENCE_POOL: 'b', MAX_IN_FLIGHT: 40 } }, 140 + 128 + 16],
  ['two gateways: both', {}, { b: { INFERENCE_GATEWAY_URL: 'http://b.example', MAX_IN_FLIGHT: 40 } }, 140 + 128 + 16],
  ['more than Cloud Run takes', { MAX_IN_FLIGHT: '5000' }, undefined, 1000],
])('an instance has a request for each call and each waiting message: %s', (_edge, env, file, concurrency) => {
  expect(size({ MAX_IN_FLIGHT: '100', ...env }, file).concurrency).toBe(concurrency);
});

test.each([
  [256, 1],
  [1024, 1],
  [2048, 2],
  [5000, 4],
])('%d MiB of bodies fit three times beside the process, and CPUs go with the memory', (maxBufferedMebibytes, cpus) => {
  const { memoryMebibytes, cpus: given } = size({}, undefined, maxBufferedMebibytes);
  expect(memoryMebibytes).toBeGreaterThan(3 * maxBufferedMebibytes + 384);
  expect(memoryMebibytes % 256).toBe(0);
  expect(given).toBe(cpus);
});
