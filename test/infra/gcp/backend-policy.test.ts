import { expect, test } from 'vitest';
import { checkBackendTimeout } from '../../../infra/gcp/backend-policy.ts';

const gateway = { metadata: { name: 'inference' }, status: { addresses: [{ type: 'IPAddress', value: '10.0.0.8' }] } };
const policy = (timeoutSec?: number, kind = 'InferencePool') => ({
  metadata: { name: 'vllm' },
  spec: { default: { timeoutSec }, targetRef: { kind, name: 'vllm' } },
});

const check = (gateways: readonly object[], policies: readonly object[], url = 'http://10.0.0.8') =>
  checkBackendTimeout({
    gatewayUrls: [url],
    requestTimeoutMs: 540_000,
    kubectl: async ([, kind]) => ({
      status: 0,
      stdout: JSON.stringify({ items: kind?.startsWith('gateways') ? gateways : policies }),
      stderr: '',
    }),
  });

test('before a GKE Gateway a policy must let calls last as long as the function does', async () => {
  await expect(check([gateway], [])).rejects.toThrow('ends each call after 30 s');
  await expect(check([gateway], [policy(300)])).rejects.toThrow('timeoutSec of 540');
  await expect(check([gateway], [policy()])).rejects.toThrow('timeoutSec of 540');
  await expect(check([gateway], [policy(600, 'Service')])).rejects.toThrow('timeoutSec of 540');
  expect(await check([gateway], [policy(30), policy(600)])).toBeUndefined();
});

test('an address that is no Gateway’s needs none', async () => {
  expect(await check([gateway], [], 'http://10.0.0.9')).toBeUndefined();
  expect(await check([], [])).toBeUndefined();
});

test.each([
  ['kubectl is not installed', 127, 'spawn kubectl ENOENT', 'kubectl is not installed'],
  ['no cluster', 1, 'The connection to the server localhost:8080 was refused', 'kubectl does not reach the cluster'],
])('what could not be checked is said: %s', async (_edge, status, stderr, text) => {
  const kubectl = async () => ({ status, stdout: '', stderr });
  const inputs = { gatewayUrls: ['http://10.0.0.8'], requestTimeoutMs: 540_000, kubectl };
  expect(await checkBackendTimeout(inputs)).toContain(text);
});

test('a cluster that does not know the kinds has no Gateway', async () => {
  const stderr = `error: the server doesn't have a resource type "gateways"`;
  const kubectl = async () => ({ status: 1, stdout: '', stderr });
  expect(await checkBackendTimeout({ gatewayUrls: ['http://10.0.0.8'], requestTimeoutMs: 1, kubectl })).toBeUndefined();
});
