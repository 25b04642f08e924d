import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bootstrapped,
  type DeploymentWorld,
  email,
  hasGcloud,
  location,
  startDeploymentWorld,
} from './deployment-world.ts';
import { project } from './double/world.ts';

interface DeployedService {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value: string }[];
          readonly startupProbe: unknown;
          readonly volumeMounts: unknown;
        }[];
      };
    };
  };
}

/** gcloud needs a second a call where the machine has nothing else to do. */
const timeout = 300_000;

let world: DeploymentWorld;
beforeAll(async () => {
  world = await startDeploymentWorld();
  bootstrapped(world);
});
afterAll(() => world.close());

const alerts = () => world.google.world.list(`projects/${project}/alertPolicies`);
const subscription = (id: string) => world.google.world.resources.get(`projects/${project}/subscriptions/${id}`);

describe.skipIf(!hasGcloud)('with the real gcloud', { timeout }, () => {
  test('a deployment sets the function, its subscriptions and its alerts; a second one makes no call that changes anything', async () => {
    const secrets = '/secrets/key/value=gateway-key:latest';
    const variables = {
      FUNCTION_SECRETS: secrets,
      FUNCTION_ENV: `INFERENCE_GATEWAY_API_KEY_FILE=/secrets/key/value\nCAPACITY_PROMQL=max(x{a="it's",b="\\d@"})=1,0`,
      NOTIFICATION_CHANNELS: `projects/${project}/notificationChannels/1`,
    };
    const first = await world.run('deploy', [], variables);
    expect(first.status, first.output).toBe(0);
    const url = `https://backfill-function-123456789012.europe-west4.run.app`;
    for (const id of ['backfill-requests', 'backfill-urgent', 'backfill-retries']) {
      expect(subscription(id)).toMatchObject({
        pushConfig: { pushEndpoint: url, oidcToken: { serviceAccountEmail: email('push') } },
        messageRetentionDuration: '2678400s',
        retryPolicy: { minimumBackoff: '1s', maximumBackoff: '60s' },
      });
    }
    const { metadata, spec } = world.google.world.resources.get(
      `${location}/services/backfill-function`,
    ) as unknown as DeployedService;
    const [container] = spec.template.spec.containers;
    const env = Object.fromEntries(container!.env.map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({ RESULT_TOPIC: 'backfill-results', CAPACITY_PROMQL: `max(x{a="it's",b="\\d@"})=1,0` });
    expect(metadata.annotations['run.googleapis.com/build-base-image']).toBe('nodejs24');
    expect(spec.template.spec).toMatchObject({ serviceAccountName: email('function'), timeoutSeconds: 600 });
    expect(container!.startupProbe).toEqual({
      httpGet: { path: '/startupz' },
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: 100,
    });
    expect(container!.volumeMounts).toMatchObject([{ mountPath: '/secrets/key' }]);
    expect(alerts().map(({ userLabels }) => userLabels)).toEqual(
      ['breaker-open', 'gate-unknown', 'oldest-message', 'dead-letters'].map((id) => ({
        backfill: 'backfill',
        'backfill-alert': id,
      })),
    );
    for (const alert of alerts()) expect(alert.notificationChannels).toEqual([variables.NOTIFICATION_CHANNELS]);
    // The account that deploys may not grant rights.
    expect(world.google.changes().filter((call) => call.includes('IamPolicy'))).toEqual([]);

    world.google.forget();
    // Channels that are not named stay.
    const { NOTIFICATION_CHANNELS: _, ...unchanged } = variables;
    const second = await world.run('deploy', [], unchanged);
    expect(second.status, second.output).toBe(0);
    expect(second.output).toContain('nothing was changed');
    expect(world.google.changes()).toEqual([]);
  });

  test('the same name in another region is refused before anything moves', async () => {
    const region = 'us-central1';
    world.google.forget();
    const { status, output } = await world.run('deploy', [], { REGION: region });
    expect(output).toContain('backfill-function runs in europe-west4: take REGION=europe-west4');
    expect(status).toBe(2);
    expect(world.google.changes()).toEqual([]);
  });

  test('so are pushes that Cloud Run would refuse', async () => {
    const lines = `PUSH_AUDIENCE=https://elsewhere.example\nPUSH_SERVICE_ACCOUNT=${email('push')}`;
    const { status, output } = await world.run('deploy', [], { FUNCTION_ENV: lines });
    expect(output).toContain('PUSH_AUDIENCE must be https://backfill-function-');
    expect(status).toBe(2);
    expect(world.google.changes()).toEqual([]);
  });

  test('what may not be read is not taken to be absent', async () => {
    world.google.forget();
    world.google.world.denied.add('subscriptions/backfill-requests');
    const { status, output } = await world.run('deploy');
    world.google.world.denied.clear();
    expect(output).toContain('may not be read (whether it exists is not known)');
    expect(status).toBe(2);
    expect(world.google.changes()).toEqual([]);
  });

  test('a dry run prints every call and makes none', async () => {
    world.google.forget();
    world.build('second');
    world.google.world.update(`projects/${project}/subscriptions/backfill-retries`, { ackDeadlineSeconds: 10 });
    const { status, output } = await world.run('deploy', ['--dry-run']);
    expect(status, output).toBe(0);
    const printed = output.split('\n').filter((line) => line.startsWith('would run: gcloud '));
    expect(printed.map((line) => line.split(' ').slice(3, 6).join(' '))).toEqual([
      'run deploy backfill-function',
      'pubsub subscriptions update',
    ]);
    expect(world.google.changes()).toEqual([]);
  });
});

describe('what is wrong is told at once', { timeout }, () => {
  test('every fault together, before any call', async () => {
    world.google.forget();
    const { status, output } = await world.run('deploy', [], { PROJECT: '', REGION: 'Europe', MAX_INSTANCES: '0' });
    for (const name of ['PROJECT is required', 'REGION must be', 'MAX_INSTANCES must be'])
      expect(output).toContain(name);
    expect(status).toBe(2);
    expect(world.google.changes()).toEqual([]);
  });

  test('--check needs no bundle, and says what of the cluster it could not see', async () => {
    const { status, output } = await world.run('deploy', ['--check']);
    expect(status, output).toBe(0);
    expect(output).toContain('infra/kubernetes/backend-policy.yaml');
    const wrong = await world.run('deploy', ['--check'], {
      INFERENCE_GATEWAY_URL: 'http://ADDRESS',
      FUNCTION_ENV: 'MAX_ATEMPTS=3',
    });
    expect(wrong.status).toBe(2);
    expect(wrong.output).toContain('MAX_ATEMPTS is none of');
    expect(wrong.output).toContain('INFERENCE_GATEWAY_URL must have an address');
  });

  test.each(['deploy', 'bootstrap', 'destroy'] as const)(
    '%s --help says what it does and does nothing',
    async (script) => {
      const { status, output } = await world.run(script, ['--help']);
      expect(status).toBe(0);
      expect(output).toContain(`Usage: infra/gcp/${script}.sh`);
      expect(output).toContain('--dry-run');
      expect(output).toContain('PROJECT');
    },
  );

  test('a fault stops bootstrap before it enables an API', async () => {
    world.google.forget();
    expect((await world.run('bootstrap', [], { FUNCTION_ENV: 'MAX_ATEMPTS=3' })).status).toBe(2);
    expect(world.google.changes()).toEqual([]);
  });

  test('an argument that there is not', async () => {
    expect((await world.run('deploy', ['--chek'])).status).toBe(2);
  });
});
