import type { KubernetesObject } from './pool-objects.ts';
import type { ListedObjects, ObjectSource } from './reflector.ts';
import type { PoolSources } from './watched-pool.ts';

/** After so long the API ends a watch, and all is listed again; shorter than the client's own patience with a silent one. Derived: the library gives up after 30 s. */
const watchSeconds = 25;

const poolGroup = 'inference.networking.k8s.io/v1';
/** llm-d's newer one, and the one that the GKE Inference Gateway has. */
const objectiveGroups = ['llm-d.ai/v1alpha2', 'inference.networking.x-k8s.io/v1alpha2'] as const;

/**
 * The Kubernetes API of the cluster that this process runs in, or of the current context of its kubeconfig. The client library is loaded
 * only here: it takes a second and 90 MB.
 */
export async function kubernetesSources(namespace: string): Promise<PoolSources> {
  const { CustomObjectsApi, CoreV1Api, KubeConfig, Watch } = await import('./kubernetes-client.ts');
  const config = new KubeConfig();
  config.loadFromDefault();
  const custom = config.makeApiClient(CustomObjectsApi);
  const core = config.makeApiClient(CoreV1Api);

  const watch = (path: string, query: Readonly<Record<string, string>>): ObjectSource['watch'] => {
    return async (resourceVersion, onEvent, signal) => {
      const parameters = { ...query, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: watchSeconds };
      await new Promise<void>((ended, failed) => {
        const done = (error: unknown): void => (error ? failed(error) : ended());
        const started = new Watch(config).watch(path, parameters, onEvent, done);
        started.then((controller) => {
          if (signal.aborted) controller.abort();
          signal.addEventListener('abort', () => controller.abort(), { once: true });
        }, failed);
      });
    };
  };

  const customObjects = (groupVersion: string, plural: string, fieldSelector?: string): ObjectSource => {
    const [group = '', version = ''] = groupVersion.split('/');
    const query = fieldSelector === undefined ? {} : { fieldSelector };
    return {
      list: async () =>
        listed(await custom.listNamespacedCustomObject({ group, version, namespace, plural, ...query })),
      watch: watch(`/apis/${groupVersion}/namespaces/${namespace}/${plural}`, query),
    };
  };

  return {
    pool: (name) => customObjects(poolGroup, 'inferencepools', `metadata.name=${name}`),
    pods: (labelSelector) => ({
      list: async () => listed(await core.listNamespacedPod({ namespace, labelSelector })),
      watch: watch(`/api/v1/namespaces/${namespace}/pods`, { labelSelector }),
    }),
    objectives: () => objectiveGroups.map((group) => orNone(customObjects(group, 'inferenceobjectives'))),
  };
}

/** A cluster has the kinds of one API group, and may get the other's later. */
function orNone({ list, watch }: ObjectSource): ObjectSource {
  const ifThere = async (): Promise<ListedObjects> => {
    try {
      return await list();
    } catch (error) {
      if ((error as { code?: unknown }).code === 404) return { items: [], resourceVersion: '' };
      throw error;
    }
  };
  return { list: ifThere, watch };
}

/** The client gives typed objects of its own kinds with dates as such, and others as they came: both have the fields that are read. */
function listed(answer: unknown): ListedObjects {
  const { items, metadata } = answer as { items: KubernetesObject[]; metadata?: { resourceVersion?: string } };
  return { items, resourceVersion: metadata?.resourceVersion ?? '' };
}
