import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'backfill-deploy-'));
const [calls, variables] = [join(folder, 'calls'), join(folder, 'variables.yaml')];

/** Writes down what it is asked for. Its project has nothing yet but what the variables of the test say. */
const gcloud = `#!/usr/bin/env bash
asked="$*"
if [[ $asked == *--help ]]; then [[ $asked == "\${ALERTS_UNDER:-monitoring} policies --help" ]]; exit; fi
echo "$asked" >>${calls}
while [ $# -gt 0 ]; do
  [ "$1" != --env-vars-file ] || cp "$2" ${variables}
  shift
done
case "$asked" in
  *'monitoring policies list '*) echo "\${POLICY:-}" ;;
  *'monitoring policies describe '*) echo "\${CHANNELS:-}" ;;
  'run services describe '*) echo https://function.example ;;
  *' describe '*) [ -n "\${EXISTS:-}" ] ;;
esac
`;
const required = { PROJECT: 'p', REGION: 'r', INFERENCE_GATEWAY_URL: 'http://10.0.0.8' };

beforeEach(() => {
  for (const path of ['bin', 'dist/function']) mkdirSync(join(folder, path), { recursive: true });
  cpSync(join(root, 'infra/gcp'), join(folder, 'infra/gcp'), { recursive: true });
  writeFileSync(join(folder, 'bin/gcloud'), gcloud, { mode: 0o755 });
  writeFileSync(join(folder, 'dist/function/main.mjs'), '');
  for (const file of [calls, variables]) rmSync(file, { force: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

function deploy(env: Record<string, string>, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync('bash', [join(folder, 'infra/gcp/deploy.sh'), ...args], {
    env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, ...env },
    encoding: 'utf8',
  });
  const asked = existsSync(calls) ? readFileSync(calls, 'utf8').split('\n').slice(0, -1) : [];
  return { status, stdout, stderr, asked, of: (command: string) => asked.filter((line) => line.includes(command)) };
}

test('a new project gets everything, requests are kept as long as a deadline may be away', () => {
  const { status, stderr, of } = deploy(required);
  expect(status, stderr).toBe(0);
  expect(of('pubsub topics create')).toHaveLength(4);
  const [requests, retries] = ['requests', 'retries'].map((topic) => of(`subscriptions create backfill-${topic} `)[0]);
  for (const subscription of [requests, retries]) {
    expect(subscription).toContain('--push-endpoint https://function.example');
    expect(subscription).toContain('--message-retention-duration 31d');
  }
});

test('what is there already is updated', () => {
  const { status, stderr, of } = deploy({ ...required, EXISTS: 'yes' });
  expect(status, stderr).toBe(0);
  expect(of('topics create')).toEqual([]);
  expect(of('subscriptions update')).toHaveLength(2);
});

test('a variable holds commas, quotes and at signs, and wins over one that is set by default', () => {
  const lines = [
    'CAPACITY_SOURCES=flow-control,pool',
    `CAPACITY_PROMQL=max(x{a="it's",b="\\d@"})=1`,
    '',
    'RESULT_TOPIC=projects/q/topics/t',
  ];
  expect(deploy({ ...required, FUNCTION_ENV: lines.join('\n') }).status).toBe(0);
  expect(readFileSync(variables, 'utf8').split('\n').slice(0, -1)).toEqual([
    "INFERENCE_GATEWAY_URL: 'http://10.0.0.8'",
    "GOOGLE_CLOUD_PROJECT: 'p'",
    "RESULT_TOPIC: 'projects/q/topics/t'",
    "RETRY_TOPIC: 'backfill-retries'",
    "DEAD_LETTER_TOPIC: 'backfill-dead-letters'",
    "NODE_COMPILE_CACHE: '/workspace/compile-cache'",
    "CAPACITY_SOURCES: 'flow-control,pool'",
    `CAPACITY_PROMQL: 'max(x{a="it''s",b="\\d@"})=1'`,
  ]);
});

test('secrets become files that the function may read, and go when they are named no more', () => {
  const secrets = '/secrets/key/value=gateway-key:latest,/secrets/subscriptions/value=subscriptions:3';
  const { of } = deploy({ ...required, FUNCTION_SECRETS: secrets });
  expect(of('run deploy')[0]).toContain(`--set-secrets ${secrets}`);
  expect(of('secrets add-iam-policy-binding').map((line) => line.split(' ')[2])).toEqual([
    'gateway-key',
    'subscriptions',
  ]);
  rmSync(calls);
  expect(deploy(required).of('run deploy')[0]).toContain('--clear-secrets');
});

describe('alerts', () => {
  test('are created with the channels that are named', () => {
    const { of } = deploy({ ...required, NOTIFICATION_CHANNELS: 'projects/p/notificationChannels/1' });
    expect(of('monitoring policies create')).toHaveLength(3);
    expect(of('--notification-channels projects/p/notificationChannels/1')).toHaveLength(3);
  });

  test('are set to the files anew and keep their channels', () => {
    const { of } = deploy({ ...required, POLICY: 'projects/p/alertPolicies/7', CHANNELS: 'a,b' });
    expect(of('monitoring policies create')).toEqual([]);
    expect(of('monitoring policies update projects/p/alertPolicies/7')).toHaveLength(3);
    expect(of('--set-notification-channels a,b')).toHaveLength(3);
  });

  test('are found among the alpha commands of an older gcloud', () => {
    const { status, of } = deploy({ ...required, ALERTS_UNDER: 'alpha monitoring' });
    expect(status).toBe(0);
    expect(of('alpha monitoring policies create')).toHaveLength(3);
  });
});

describe('what is wrong is told at once, before anything is created', () => {
  test.each<[string, Record<string, string>, string[], string]>([
    ['an unknown argument', {}, ['--dry-run'], 'no such arguments: --dry-run'],
    ['no region', { REGION: '' }, [], 'REGION is required'],
    [
      'a gateway without a scheme',
      { INFERENCE_GATEWAY_URL: '10.0.0.8' },
      [],
      'INFERENCE_GATEWAY_URL must be a base URL',
    ],
    [
      'a gateway with a query',
      { INFERENCE_GATEWAY_URL: 'http://a/?b' },
      [],
      'INFERENCE_GATEWAY_URL must be a base URL',
    ],
    ['instances that are no number', { MAX_INSTANCES: 'many' }, [], 'MAX_INSTANCES must be a whole number'],
    [
      'a line that is no variable',
      { FUNCTION_ENV: 'A=1\nB' },
      [],
      'FUNCTION_ENV must have NAME=value on each line, not B',
    ],
    ['a secret without a version', { FUNCTION_SECRETS: '/a/b=c' }, [], 'FUNCTION_SECRETS must be a comma list'],
    [
      'a gcloud without alerts',
      { ALERTS_UNDER: 'no' },
      [],
      "gcloud is missing or too old for 'gcloud monitoring policies'",
    ],
  ])('%s', (_name, env, args, fault) => {
    const { status, stderr, asked } = deploy({ ...required, ...env }, ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(fault);
    expect(asked).toEqual([]);
  });

  test('a bundle that is not there, which --check does not need', () => {
    rmSync(join(folder, 'dist'), { recursive: true });
    expect(deploy(required, '--check')).toMatchObject({ status: 0, asked: [] });
    expect(deploy(required)).toMatchObject({ status: 2, asked: [] });
  });

  test('several faults together', () => {
    const { stderr } = deploy({ MAX_INSTANCES: '0' });
    for (const name of ['PROJECT', 'REGION', 'INFERENCE_GATEWAY_URL', 'MAX_INSTANCES']) expect(stderr).toContain(name);
  });
});
