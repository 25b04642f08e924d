import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { EndpointAddress } from '../decisions/endpoint-list.ts';

const resolveAgainMs = 5000;

export interface ResolvedServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  readonly onAddresses: (addresses: readonly EndpointAddress[]) => void;
}

/** The addresses of a headless Service, resolved again every few seconds. An answer that fails leaves the last good set. */
export class ResolvedService {
  readonly #options: ResolvedServiceOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: ResolvedServiceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.resolve(), resolveAgainMs).unref();
  }

  async resolve(): Promise<void> {
    const { host, port, log, onAddresses } = this.#options;
    try {
      const found = await lookup(host, { all: true });
      const hosts = found.map(({ address }) => (isIPv6(address) ? `[${address}]` : address)).sort();
      onAddresses(hosts.map((address) => ({ url: `http://${address}:${port}`, labels: {} })));
    } catch (error) {
      log.warn({ host, error }, 'ENDPOINTS_DNS: the name does not resolve; the last good set stays');
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
