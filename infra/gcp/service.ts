import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceSize } from './instance-size.ts';
import type { DeploymentSettings, Installation } from './settings.ts';

/** What is read of a Cloud Run service, as gcloud describes it. */
export interface Service {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly traffic?: readonly { readonly latestRevision?: boolean; readonly percent?: number }[];
    readonly template: {
      readonly spec: {
        readonly serviceAccountName?: string;
        readonly containerConcurrency?: number;
        readonly timeoutSeconds?: number;
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
          readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
        }[];
      };
    };
  };
  readonly status: {
    readonly url: string;
    readonly latestCreatedRevisionName?: string;
    readonly latestReadyRevisionName?: string;
    readonly traffic?: readonly { readonly revisionName?: string; readonly percent?: number }[];
  };
}

/** The Cloud Run service as it should be. */
export interface WantedService {
  readonly installation: Installation;
  readonly settings: DeploymentSettings;
  readonly env: Readonly<Record<string, string>>;
  readonly size: InstanceSize;
  /** Of the subscriptions, and so the longest request. */
  readonly ackDeadlineSeconds: number;
  /** Folder of the bundle. */
  readonly source: string;
}

/** The label that tells which bundle and settings are deployed. */
export const contentLabel = 'backfill-content';

/**
 * The startup probe asks for 100 s at most, and the function answers after 90 s at the latest: an instance meets its first message when it
 * can reach the gateway, and one whose gateway is gone starts all the same. Never `/readyz`, which says no for as long as that lasts.
 */
const startupProbe = 'httpGet.path=/startupz,periodSeconds=1,timeoutSeconds=1,failureThreshold=100';

/** Arguments of `gcloud run deploy`, but for the label that names them. `envFile` has the variables. */
export function deployArguments(
  { installation, settings, size, ackDeadlineSeconds, source }: WantedService,
  envFile: string,
): string[] {
  const { project, region, name, service } = installation;
  const mounts = (settings.secrets ?? []).map(({ path, secret, version }) => `${path}=${secret}:${version}`).join(',');
  return [
    ...['run', 'deploy', service, '--region', region, '--source', source],
    // Google renews the image's system and Node by itself.
    ...['--base-image', 'nodejs24', '--image', `${region}-docker.pkg.dev/${project.replace(':', '/')}/${name}`],
    ...['--build-service-account', `projects/${project}/serviceAccounts/${installation.email('build')}`],
    ...['--service-account', installation.email('function'), '--ingress', 'internal'],
    ...['--network', settings.network, '--subnet', settings.subnet, '--vpc-egress', 'private-ranges-only'],
    ...['--timeout', String(ackDeadlineSeconds), '--concurrency', String(size.concurrency)],
    ...[
      '--max-instances',
      String(settings.maxInstances),
      '--cpu',
      String(size.cpus),
      '--memory',
      `${size.memoryMebibytes}Mi`,
    ],
    ...['--cpu-boost', '--startup-probe', startupProbe, '--env-vars-file', envFile],
    ...(mounts === '' ? ['--clear-secrets'] : ['--set-secrets', mounts]),
  ];
}

/** Names what is deployed, settings and bundle: the same again is not deployed again. */
export function contentOf(wanted: WantedService): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([deployArguments({ ...wanted, source: '' }, ''), wanted.env]));
  // A run of the bundle on this machine leaves a cache there, which the build makes anew.
  const files = readdirSync(wanted.source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.includes('compile-cache'));
  for (const path of files.sort())
    hash.update(path.slice(wanted.source.length)).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex').slice(0, 40);
}

/** What differs from what is wanted although the label says that it was deployed: changed by hand, or never ready. */
export function driftOf(
  service: Service,
  { installation, env, size, ackDeadlineSeconds }: WantedService,
): readonly string[] {
  const { serviceAccountName, containerConcurrency, timeoutSeconds, containers } = service.spec.template.spec;
  const { env: variables = [], resources } = containers[0] ?? {};
  const actual = Object.fromEntries(variables.map(({ name, value = '' }) => [name, value]));
  const names = [...new Set([...Object.keys(env), ...Object.keys(actual)])];
  const { latestCreatedRevisionName, latestReadyRevisionName } = service.status;
  return [
    ...(latestCreatedRevisionName === latestReadyRevisionName ? [] : ['readiness']),
    ...(serviceAccountName === installation.email('function') ? [] : ['service account']),
    ...(containerConcurrency === size.concurrency ? [] : ['concurrency']),
    ...(timeoutSeconds === ackDeadlineSeconds ? [] : ['timeout']),
    ...(resources?.limits?.memory === `${size.memoryMebibytes}Mi` ? [] : ['memory']),
    ...names.filter((name) => actual[name] !== env[name]),
  ];
}

/** Whether all requests go to the newest revision: not so after a rollback. */
export function followsLatest({ spec: { traffic } }: Service): boolean {
  return traffic === undefined || (traffic.length === 1 && traffic[0]?.latestRevision === true);
}

/** Every address of the service: Cloud Run gives it two. */
export function urlsOf({ status, metadata }: Service): readonly string[] {
  const more = metadata.annotations?.['run.googleapis.com/urls'];
  return [...new Set([status.url, ...(more === undefined ? [] : (JSON.parse(more) as string[]))])];
}
