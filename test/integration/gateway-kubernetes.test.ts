import { expect, test } from 'vitest';
import { ask, errorCode, get, startGateway } from '../support/gateway-client.ts';
import { startKubernetesApi } from '../support/kubernetes-api.ts';
import { objectiveWith, podAt, poolWith } from '../support/kubernetes-objects.ts';
import { until } from '../support/poll.ts';
import { startEngine } from '../support/scripted-engine.ts';

async function hostsOf(gatewayUrl: string): Promise<readonly string[]> {
  const { endpoints } = (await get(gatewayUrl, '/debug/state')) as { endpoints: { host: string }[] };
  return endpoints.map(({ host }) => host);
}

test('a pool of the Kubernetes API: its pods, its objectives, and whatever becomes of them', async () => {
  const engine = await startEngine();
  const port = Number(new URL(engine.url).port);
  const api = await startKubernetesApi();
  api.pools.put('p', poolWith(port));
  api.pods.put('a', podAt('127.0.0.1'));
  api.pods.put('b', podAt('127.0.0.2', { ready: false }));
  api.objectives.put('batch', objectiveWith(-5, {}, 'p'));
  const gateway = await startGateway({ ENDPOINTS_POOL: 'ns/p', KUBECONFIG: api.kubeconfig });
  expect(await hostsOf(gateway.url)).toEqual([engine.host]);
  expect(api.asked).toEqual(
    expect.arrayContaining([
      '/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools?metadata.name=p',
      '/api/v1/namespaces/ns/pods?app=vllm',
    ]),
  );

  const call = (objective: string) => ask(gateway.url, { headers: { 'x-gateway-inference-objective': objective } });
  expect((await call('batch')).status).toBe(200);
  expect(errorCode(await call('chat'))).toBe('unknown_objective');
  await until(() => api.objectives.watching === 1 && api.pods.watching === 1, { what: 'the watches to begin' });
  api.objectives.put('chat', objectiveWith(50, { 'backfill/ttft-ms': '700' }, 'p'));
  await until(async () => (await call('chat')).status === 200, { what: 'the new objective' });
  const { objectives } = (await get(gateway.url, '/debug/state')) as {
    objectives: { name: string; ttftMs?: number }[];
  };
  expect(objectives.find(({ name }) => name === 'chat')).toMatchObject({ priority: 50, ttftMs: 700 });

  api.pods.put('b', podAt('127.0.0.2'));
  await until(async () => (await hostsOf(gateway.url)).length === 2, { what: 'the second pod' });
  api.pods.refuses = 500;
  api.pods.endWatches();
  api.pods.remove('b');
  await until(() => gateway.output().includes('its pods cannot be read'), { what: 'the warning' });
  expect((await hostsOf(gateway.url)).length).toBe(2);
  api.pods.refuses = undefined;
  await until(async () => (await hostsOf(gateway.url)).length === 1, { what: 'the pool to catch up' });
  expect(await gateway.kill()).toBe(0);
});

test('a role that is missing is said, and the gateway starts without endpoints', async () => {
  const api = await startKubernetesApi();
  api.pools.refuses = 403;
  const gateway = await startGateway({ ENDPOINTS_POOL: 'ns/p', KUBECONFIG: api.kubeconfig });
  expect(gateway.output()).toContain('the service account lacks a role');
  expect((await ask(gateway.url, { method: 'GET', path: '/readyz' })).status).toBe(503);
});

test('what names no pool stops the start', async () => {
  await expect(startGateway({ ENDPOINTS_POOL: 'p' })).rejects.toThrow('ENDPOINTS_POOL must be namespace/name');
});
