import { buildIn } from './builds.ts';
import {
  type Answer,
  type Api,
  type ApiCall,
  fault,
  project,
  projectNumber,
  type Resource,
  type World,
} from './world.ts';

interface Service {
  readonly metadata: Resource & { readonly name: string; readonly generation?: number; readonly labels?: Resource };
  readonly spec: {
    readonly traffic?: readonly Resource[];
    readonly template: {
      readonly metadata?: { readonly name?: string; readonly labels?: Resource };
      readonly spec: unknown;
    };
  };
}

const ready = [{ type: 'Ready', status: 'True' }];

/** Cloud Run: services and revisions by the Knative API that gcloud speaks, policies of services, and builds from source. */
export const run: Api = (world, call) => {
  const { method, path, region = '' } = call;
  const location = `projects/${project}/locations/${region}`;
  if (path.endsWith('/builds:submit')) return submitted(region);
  if (path === `v1/projects/${project}/locations/-/services`) {
    return {
      body: listed(
        [...world.resources].filter(([name]) => /\/locations\/[^/]+\/services\//.test(name)).map(([, one]) => one),
      ),
    };
  }
  const policy = world.iam(call);
  if (policy) return policy;
  const [, kind, id] = /^apis\/serving\.knative\.dev\/v1\/namespaces\/[^/]+\/(\w+)(?:\/(.*))?$/.exec(path) ?? [];
  if (kind === undefined) return undefined;
  if (id === undefined && method === 'GET') return { body: listed(world.list(`${location}/${kind}`)) };
  const name = `${location}/${kind}/${id ?? (call.body as Service).metadata.name}`;
  if (method === 'DELETE') return world.delete(name);
  const before = world.resources.get(name);
  if (method !== 'POST' && !before)
    return fault(404, 'NOT_FOUND', `Resource '${id}' of kind 'SERVICE' does not exist.`);
  return method === 'GET' ? { body: before } : saved(world, location, call);
};

function saved(world: World, location: string, { body }: ApiCall): Answer {
  const { metadata, spec } = body as Service;
  if (world.freshAccountRefusals > 0) {
    world.freshAccountRefusals -= 1;
    const text = "Permission 'iam.serviceaccounts.actAs' denied on service account (or it may not exist).";
    return fault(403, 'PERMISSION_DENIED', text);
  }
  const { name: id, generation: before = 0 } = metadata;
  const generation = before + 1;
  const region = location.split('/').at(-1);
  const revision = newestRevision(world, location, id, spec.template, generation);
  const url = `https://${id}-${projectNumber}.${region}.run.app`;
  const traffic = spec.traffic ?? [{ latestRevision: true, percent: 100 }];
  const service = {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      ...metadata,
      ...{ namespace: projectNumber, generation, resourceVersion: `v${generation}` },
      labels: { ...metadata.labels, 'cloud.googleapis.com/location': region },
    },
    spec: { ...spec, traffic },
    status: {
      observedGeneration: generation,
      conditions: ['Ready', 'ConfigurationsReady', 'RoutesReady'].map((type) => ({ type, status: 'True' })),
      latestCreatedRevisionName: revision,
      latestReadyRevisionName: revision,
      traffic: traffic.map((part) => (part.latestRevision ? { ...part, revisionName: revision } : part)),
      url,
      address: { url },
    },
  };
  world.resources.set(`${location}/services/${id}`, service);
  return { body: service };
}

/** A changed template is a new revision, whose name gcloud gives it or the service. */
function newestRevision(
  world: World,
  location: string,
  id: string,
  template: Service['spec']['template'],
  generation: number,
): string {
  const collection = `${location}/revisions`;
  const text = JSON.stringify(template);
  const same = world.list(collection).find((revision) => revision.template === text);
  if (same) return (same.metadata as { name: string }).name;
  const name = template.metadata?.name ?? `${id}-0000${generation}-abc`;
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1, 0, generation)).toISOString();
  const labels = { ...template.metadata?.labels, 'serving.knative.dev/service': id };
  const metadata = { name, namespace: projectNumber, creationTimestamp, labels };
  const revision = {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Revision',
    metadata,
    spec: template.spec,
    status: { conditions: ready },
  };
  world.resources.set(`${collection}/${name}`, { ...revision, template: text });
  return name;
}

function listed(items: readonly Resource[]): Resource {
  return { apiVersion: 'serving.knative.dev/v1', kind: 'List', items, metadata: {} };
}

function submitted(location: string): Answer {
  const built = buildIn(location);
  const type = 'type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata';
  const name = `projects/${projectNumber}/locations/${location}/operations/b1`;
  const buildOperation = { name, done: true, metadata: { '@type': type, build: built }, response: built };
  return { body: { buildOperation, baseImageUri: 'nodejs24' } };
}
