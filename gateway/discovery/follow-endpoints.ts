import type { NamedFile } from '../../shared/runtime/config/named-file.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { WatchedFile } from '../../shared/runtime/watched-file.ts';
import type { EndpointAddress } from '../endpoint/address.ts';
import { ResolvedService } from './dns.ts';
import { kubernetesSources } from './kubernetes/kubernetes-api.ts';
import type { PoolObjective } from './kubernetes/pool-objects.ts';
import { WatchedPool } from './kubernetes/watched-pool.ts';

/** Exactly one of them is set. */
export interface EndpointSources {
  readonly endpoints: readonly EndpointAddress[] | undefined;
  readonly endpointsFile: NamedFile<readonly EndpointAddress[]> | undefined;
  readonly endpointsDns: { readonly host: string; readonly port: number } | undefined;
  /** An InferencePool. */
  readonly endpointsPool: { readonly namespace: string; readonly name: string } | undefined;
}

/** Told what the source says, whenever that changes. */
export interface EndpointsListener {
  addresses(addresses: readonly EndpointAddress[]): void;
  /** The pool's own objectives, by name, where its source has any. */
  objectives(objectives: ReadonlyMap<string, PoolObjective>): void;
}

/** Gives the pool its endpoints now, and again whenever they change. */
export async function followEndpoints(
  { endpoints, endpointsFile, endpointsDns, endpointsPool }: EndpointSources,
  log: Logger,
  listener: EndpointsListener,
): Promise<{ close(): void }> {
  const onAddresses = (addresses: readonly EndpointAddress[]): void => {
    for (const { url, lostApiPath } of addresses) {
      if (lostApiPath)
        log.warn({ url }, 'the URL of an endpoint ends in /v1, which is taken off: the paths of requests have it');
    }
    listener.addresses(addresses);
  };
  if (endpointsFile) {
    const file = new WatchedFile(endpointsFile, log);
    file.follow(onAddresses);
    onAddresses(file.current);
    return file;
  }
  if (endpointsDns) {
    const service = new ResolvedService({ ...endpointsDns, log, onAddresses });
    await service.start();
    return service;
  }
  if (endpointsPool) {
    const { namespace, name } = endpointsPool;
    const sources = await kubernetesSources(namespace);
    const onObjectives = (objectives: ReadonlyMap<string, PoolObjective>): void => listener.objectives(objectives);
    const pool = new WatchedPool({ name, sources, log, onAddresses, onObjectives });
    await pool.start();
    return pool;
  }
  onAddresses(endpoints ?? []);
  return { close: () => {} };
}
