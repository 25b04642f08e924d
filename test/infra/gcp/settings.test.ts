import { expect, test } from 'vitest';
import {
  deploymentRules,
  deploymentSchema,
  installationSchema,
  readInstallation,
} from '../../../infra/gcp/settings.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';

const installation = { PROJECT: 'test-project', REGION: 'europe-west4' };

test.each([
  ['upper-case letters', { NAME: 'Backfill' }],
  ['an underscore', { NAME: 'back_fill' }],
  ['a digit first', { NAME: '1st' }],
  ['a hyphen last', { NAME: 'backfill-' }],
  ['22 letters, with which an account has more than 30', { NAME: 'b'.repeat(22) }],
  ['a name that Pub/Sub keeps for itself', { NAME: 'google' }],
  ['the placeholder of the docs', { PROJECT: 'PROJECT' }],
  ['a project with an underscore', { PROJECT: 'my_project' }],
  ['a zone', { REGION: 'europe-west4-a' }],
  ['no region', { REGION: '' }],
])('an installation is not named with %s', (_edge, wrong) => {
  const [name = ''] = Object.keys(wrong);
  expect(() => readInstallation({ ...installation, ...wrong })).toThrow(name);
});

test('the names of an installation', () => {
  const one = readInstallation({ ...installation, NAME: 'b'.repeat(21) });
  expect(one.email('function').split('@')[0]).toHaveLength(30);
  expect(readInstallation(installation)).toMatchObject({ name: 'backfill', service: 'backfill-function' });
  const email = readInstallation({ ...installation, PROJECT: 'example.com:test-project' }).email('push');
  expect(email).toBe('backfill-push@test-project.example.com.iam.gserviceaccount.com');
  expect(Object.keys(installationSchema)).toEqual(['project', 'region', 'name']);
});

const deployment = { INFERENCE_GATEWAY_URL: 'http://10.0.0.8' };
const read = (env: Readonly<Record<string, string>>) =>
  readConfig(deploymentSchema, { ...deployment, ...env }, deploymentRules);

test.each([
  ['no gateway', { INFERENCE_GATEWAY_URL: '' }],
  ['a gateway without a scheme', { INFERENCE_GATEWAY_URL: '10.0.0.8' }],
  ['a gateway with a query', { INFERENCE_GATEWAY_URL: 'http://a/?b' }],
  ['instances that are no number', { MAX_INSTANCES: 'many' }],
  ['no instance', { MAX_INSTANCES: '0' }],
  ['a line that is no variable', { FUNCTION_ENV: 'A=1\nB' }],
  ['a secret without a version', { FUNCTION_SECRETS: '/a/b=c' }],
  ['a secret outside of a folder', { FUNCTION_SECRETS: '/a=c:1' }],
  ['two secrets in one folder', { FUNCTION_SECRETS: '/a/b=c:1,/a/d=e:1' }],
  ['a channel by its title', { NOTIFICATION_CHANNELS: 'mail' }],
  ['a network that is none', { NETWORK: 'my network' }],
])('a deployment has not %s', (_edge, wrong) => {
  const [name = ''] = Object.keys(wrong);
  expect(() => read(wrong)).toThrow(name);
});

test('values may have commas, quotes and equal signs, and a fault shows none of them', () => {
  const lines = ['CAPACITY_SOURCES=flow-control,pool', `CAPACITY_PROMQL=max(x{a="it's",b="\\d@"})=1`, '', 'A=', 'A=b'];
  expect(read({ FUNCTION_ENV: lines.join('\n') }).functionEnv?.variables).toEqual({
    CAPACITY_SOURCES: 'flow-control,pool',
    CAPACITY_PROMQL: `max(x{a="it's",b="\\d@"})=1`,
    A: 'b',
  });
  const faulty = (): unknown => read({ FUNCTION_ENV: 'A=1\nOTEL_EXPORTER_OTLP_HEADERS=key\nsecret' });
  expect(faulty).toThrow(/: line|line 3/);
  expect(faulty).not.toThrow('secret');
  expect(read({ FUNCTION_SECRETS: '/s/k/value=key:latest, /s/f/value=file:3' }).secrets).toEqual([
    { path: '/s/k/value', secret: 'key', version: 'latest' },
    { path: '/s/f/value', secret: 'file', version: '3' },
  ]);
  expect(read({ SUBNET: 'projects/host-project/regions/europe-west4/subnetworks/shared' }).network).toBe('default');
});
