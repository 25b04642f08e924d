import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { type MonotonicClock, monotonicClock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { EndpointAddress } from '../endpoint/address.ts';
import { nextService, noService, type Service } from './dns-answers.ts';

/** Protocol: contract §7, "every few seconds"; Kubernetes' DNS answers for 5 s and more. */
const resolveAgainMs = 5000;
/** Until there is a first answer, and where one lacks an address. Derived: a pod that becomes ready is in DNS within seconds. */
const resolveSoonMs = 1000;

/** Resolves a name to its addresses. Rejects when the name has none, or when no resolver answers. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** What following a name is made from. */
export interface ResolvedServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  readonly onAddresses: (addresses: readonly EndpointAddress[]) => void;
  readonly resolve?: Resolve;
  readonly clock?: MonotonicClock;
}

/**
 * The addresses of a headless Service, resolved again every few seconds. An answer that fails or is empty leaves the last good set,
 * and an address goes only when two answers in a row lack it. Each change is logged once.
 */
export class ResolvedService {
  readonly #options: ResolvedServiceOptions;
  readonly #clock: MonotonicClock;
  #service: Service = noService;
  #trouble: string | undefined;
  #closed = false;
  #cancel = (): void => {};

  constructor(options: ResolvedServiceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
  }

  /** Resolves once, and from then on again and again. */
  async start(): Promise<void> {
    await this.#round();
    if (this.#closed) return;
    const { addresses, missing } = this.#service;
    const delayMs = addresses.length === 0 || missing.length > 0 ? resolveSoonMs : resolveAgainMs;
    this.#cancel = this.#clock.after(delayMs, () => void this.start());
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    const { host, resolve = addressesOf } = this.#options;
    try {
      const found = await resolve(host);
      if (found.length === 0) this.#keep('the name has no address');
      else this.#take(found);
    } catch (error) {
      this.#keep(`the name does not resolve (${(error as { code?: string }).code ?? (error as Error).message})`);
    }
  }

  #take(found: readonly string[]): void {
    const { host, port, log, onAddresses } = this.#options;
    if (this.#closed) return;
    if (this.#trouble) log.info({ host }, 'ENDPOINTS_DNS: the name resolves again');
    this.#trouble = undefined;
    const before = this.#service.addresses;
    this.#service = nextService(this.#service, found);
    const { addresses } = this.#service;
    if (addresses.join() === before.join()) return;
    log.info({ host, addresses }, 'ENDPOINTS_DNS: the addresses changed');
    onAddresses(
      addresses.map((address) => ({ url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}`, labels: {} })),
    );
  }

  #keep(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const { host, log } = this.#options;
    log.warn({ host, kept: this.#service.addresses.length }, `ENDPOINTS_DNS: ${trouble}; the last good set stays`);
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
