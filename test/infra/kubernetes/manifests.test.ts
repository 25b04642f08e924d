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
