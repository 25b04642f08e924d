import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  contentOf,
  deployArguments,
  driftOf,
  followsLatest,
  type Service,
  urlsOf,
} from '../../../infra/gcp/service.ts';
import { deploymentSchema, readInstallation } from '../../../infra/gcp/settings.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';

const source = mkdtempSync(join(tmpdir(), 'backfill-bundle-'));
afterAll(() => rmSync(source, { recursive: true }));
writeFileSync(join(source, 'main.mjs'), 'first');

const installation = readInstallation({ PROJECT: 'test-project', REGION: 'europe-west4' });
const wanted = {
  installation,
  settings: readConfig(deploymentSchema, { INFERENCE_GATEWAY_URL: 'http://10.0.0.8' }),
  env: { A: '1', B: '2' },
  size: { concurrency: 200, memoryMebibytes: 1280, cpus: 1 },
  ackDeadlineSeconds: 600,
  source,
};

const deployed = (template: object = {}, traffic?: object[], annotations?: object) =>
  ({
    metadata: { name: 'backfill-function', annotations },
    spec: {
      traffic,
      template: {
        spec: {
          ...{ serviceAccountName: installation.email('function'), containerConcurrency: 200, timeoutSeconds: 600 },
          containers: [
            {
              env: [
                { name: 'A', value: '1' },
                { name: 'B', value: '2' },
              ],
              resources: { limits: { memory: '1280Mi' } },
              ...template,
            },
          ],
        },
      },
    },
    status: { url: 'https://one.example' },
  }) as unknown as Service;

test('the same bundle with the same settings is the same content, wherever it lies, and anything else another', () => {
  const content = contentOf(wanted);
  // A label's value.
  expect(content).toMatch(/^[a-f0-9]{40}$/);
  const elsewhere = mkdtempSync(join(tmpdir(), 'backfill-bundle-'));
  writeFileSync(join(elsewhere, 'main.mjs'), 'first');
  mkdirSync(join(elsewhere, 'compile-cache'));
  writeFileSync(join(elsewhere, 'compile-cache/entry'), 'made by a run on this machine');
  expect(contentOf({ ...wanted, source: elsewhere })).toBe(content);
  writeFileSync(join(elsewhere, 'main.mjs'), 'second');
  expect(contentOf({ ...wanted, source: elsewhere })).not.toBe(content);
  rmSync(elsewhere, { recursive: true });
  for (const other of [{ env: { A: '1' } }, { ackDeadlineSeconds: 60 }, { size: { ...wanted.size, concurrency: 1 } }]) {
    expect(contentOf({ ...wanted, ...other })).not.toBe(content);
  }
});

test.each<[string, object, readonly string[]]>([
  ['nothing', {}, []],
  ['a variable that is gone', { env: [{ name: 'A', value: '1' }] }, ['B']],
  ['one that is new', { env: [...['A', 'B', 'C'].map((name, at) => ({ name, value: String(at + 1) }))] }, ['C']],
  ['one that differs', { env: ['A', 'B'].map((name) => ({ name, value: '2' })) }, ['A']],
  ['memory', { resources: { limits: { memory: '512Mi' } } }, ['memory']],
])('a change by hand is seen: %s', (_what, template, expected) => {
  expect(driftOf(deployed(template), wanted)).toEqual(expected);
});

test('a revision that never became ready is deployed again', () => {
  const { status, ...rest } = deployed();
  const failed = { ...rest, status: { ...status, latestCreatedRevisionName: 'b', latestReadyRevisionName: 'a' } };
  expect(driftOf(failed, wanted)).toEqual(['readiness']);
});

test('a rolled back service does not follow the latest revision', () => {
  expect(followsLatest(deployed())).toBe(true);
  expect(followsLatest(deployed({}, [{ latestRevision: true, percent: 100 }]))).toBe(true);
  expect(followsLatest(deployed({}, [{ revisionName: 'a', percent: 100 }]))).toBe(false);
  expect(followsLatest(deployed({}, [{ latestRevision: true }, { revisionName: 'a' }]))).toBe(false);
});

test('both addresses of a service are its own', () => {
  const annotations = { 'run.googleapis.com/urls': '["https://one.example","https://two.example"]' };
  expect(urlsOf(deployed({}, undefined, annotations))).toEqual(['https://one.example', 'https://two.example']);
});

test('secrets that are not named any more go, and readiness never decides whether an instance starts', () => {
  const secrets = [{ path: '/s/k/value', secret: 'key', version: 'latest' }];
  const text = (settings: object): string =>
    deployArguments({ ...wanted, settings: { ...wanted.settings, ...settings } }, 'env').join(' ');
  expect(text({ secrets })).toContain('--set-secrets /s/k/value=key:latest');
  expect(text({})).toContain('--clear-secrets');
  expect(text({})).toContain('--startup-probe httpGet.path=/startupz,');
  // The right to call the service is granted by bootstrap alone.
  expect(text({})).not.toContain('allow-unauthenticated');
});
