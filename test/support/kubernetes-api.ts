import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ObjectStore } from './kubernetes-objects.ts';

const closings: (() => void)[] = [];
afterAll(() => {
  for (const close of closings) close();
});

const paths = {
  pools: '/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools',
  pods: '/api/v1/namespaces/ns/pods',
  objectives: '/apis/inference.networking.x-k8s.io/v1alpha2/namespaces/ns/inferenceobjectives',
} as const;

/** As much of a Kubernetes API as an InferencePool's picker asks, over HTTP on loopback, for a token. */
export async function startKubernetesApi() {
  const versions = { last: 1 };
  const stores = {
    pools: new ObjectStore(versions),
    pods: new ObjectStore(versions),
    objectives: new ObjectStore(versions),
  };
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    const url = new URL(request.url ?? '', 'http://api');
    asked.push(
      `${url.pathname}?${url.searchParams.get('labelSelector') ?? url.searchParams.get('fieldSelector') ?? ''}`,
    );
    const [kind] = Object.entries(paths).find(([, path]) => path === url.pathname) ?? [];
    const store = stores[kind as keyof typeof stores];
    const refuse = (code: number): void =>
      void answer.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'Status', code }));
    if (request.headers.authorization !== 'Bearer token-of-the-picker') return refuse(401);
    if (!store) return refuse(404);
    if (store.refuses !== undefined) return refuse(store.refuses);
    answer.writeHead(200, { 'content-type': 'application/json' });
    if (url.searchParams.get('watch') !== 'true') {
      store.lists += 1;
      answer.end(
        JSON.stringify({ kind: 'List', metadata: { resourceVersion: `${versions.last}` }, items: store.objects }),
      );
      return;
    }
    const end = store.watch(
      (type, object) => answer.write(`${JSON.stringify({ type, object })}\n`),
      () => answer.end(),
    );
    answer.flushHeaders();
    answer.once('close', end);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closings.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(mkdtempSync(join(tmpdir(), 'kube-')), 'config');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'token-of-the-picker' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  return { ...stores, asked, kubeconfig };
}
