import type { NamedFile } from '../../shared/runtime/config/named-file.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { WatchedFile } from '../../shared/runtime/watched-file.ts';
import type { EndpointAddress } from '../endpoint/address.ts';
import { ResolvedService } from './dns.ts';

/** Exactly one of them is set. */
export interface EndpointSources {
  readonly endpoints: readonly EndpointAddress[] | undefined;
  readonly endpointsFile: NamedFile<readonly EndpointAddress[]> | undefined;
  readonly endpointsDns: { readonly host: string; readonly port: number } | undefined;
}

/** Gives the pool its endpoints now, and again whenever they change. */
export async function followEndpoints(
  { endpoints, endpointsFile, endpointsDns }: EndpointSources,
  log: Logger,
  tell: (addresses: readonly EndpointAddress[]) => void,
): Promise<{ close(): void }> {
  const onAddresses = (addresses: readonly EndpointAddress[]): void => {
    for (const { url, lostApiPath } of addresses) {
      if (lostApiPath)
        log.warn({ url }, 'the URL of an endpoint ends in /v1, which is taken off: the paths of requests have it');
    }
    tell(addresses);
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
  onAddresses(endpoints ?? []);
  return { close: () => {} };
}
