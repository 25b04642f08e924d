import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const folder = resolve(import.meta.dirname, '../../../infra/kubernetes');
const read = (file: string): string => readFileSync(resolve(folder, file), 'utf8');
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

const [deployment = ''] = read('gateway.yaml').split('\n---\n');

test('a gateway that goes down has the time that its streams are given', () => {
  const graceSeconds = Number(/terminationGracePeriodSeconds: (\d+)/.exec(deployment)?.[1]);
  const preStopSeconds = Number(/preStop: \{ sleep: \{ seconds: (\d+) \} \}/.exec(deployment)?.[1]);
  // DRAIN_SECONDS, as the gateway has it where nothing else is set.
  expect(graceSeconds).toBeGreaterThanOrEqual(preStopSeconds + 120);
});

test('before a plain GKE Inference Gateway a call may last as long as the function lets it', () => {
  const policy = read('backend-policy.yaml');
  expect(Number(/timeoutSec: (\d+)/.exec(policy)?.[1])).toBeGreaterThanOrEqual(540);
  expect(policy).toContain('kind: InferencePool');
});

test.skipIf(!hasKubectl)('the gateway is updated by digest, with one command', () => {
  expect(deployment).toMatch(/image: \S+@\S+\n/);
  const image = `europe-west4-docker.pkg.dev/test-project/backfill/gateway@sha256:${'a'.repeat(64)}`;
  const set = [
    'set',
    'image',
    '--local',
    '-f',
    '-',
    `gateway=${image}`,
    '-o',
    'jsonpath={.spec.template.spec.containers[*].image}',
  ];
  const { stdout, stderr } = spawnSync('kubectl', set, { input: deployment, encoding: 'utf8' });
  expect(stdout, stderr).toBe(image);
});

const picker = read('picker.yaml');

test('the picker may read what it watches, and nothing else', () => {
  const rules = [...picker.matchAll(/apiGroups: \[(.*?)\], resources: \[(.*?)\], verbs: \[(.*?)\]/g)].map(
    ([, ...lists]) => lists.map((list) => list?.split(', ').map((text) => text.replaceAll('"', ''))),
  );
  expect(rules).toEqual([
    [[''], ['pods'], ['get', 'list', 'watch']],
    [['inference.networking.k8s.io'], ['inferencepools'], ['get', 'list', 'watch']],
    [['inference.networking.x-k8s.io', 'llm-d.ai'], ['inferenceobjectives'], ['get', 'list', 'watch']],
  ]);
});

test('the pool’s picker is ours, encrypted on the port that it names, and its absence is said', () => {
  const [, port] = /endpointPickerRef:\s+name: backfill-picker\s+port: \{ number: (\d+) \}/.exec(picker) ?? [];
  expect(picker).toContain(`{ name: EXT_PROC_PORT, value: "${port}" }`);
  expect(picker).toContain(`port: ${port}, targetPort: ext-proc, appProtocol: http2`);
  expect(picker).not.toContain('EXT_PROC_TLS');
  expect(picker).toContain('failureMode: FailClose');
  for (const service of ['liveness', 'readiness'])
    expect(picker).toContain(`grpc: { port: 9003, service: ${service} }`);
});

test('answers that run have the time that a drain gives them, with a picker too', () => {
  const graceSeconds = Number(/terminationGracePeriodSeconds: (\d+)/.exec(picker)?.[1]);
  const preStopSeconds = Number(/preStop: \{ sleep: \{ seconds: (\d+) \} \}/.exec(picker)?.[1]);
  expect(graceSeconds).toBeGreaterThanOrEqual(preStopSeconds + 120);
});
