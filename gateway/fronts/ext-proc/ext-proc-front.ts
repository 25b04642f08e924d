import { isIP } from 'node:net';
import type { CapacityReport } from '../../../shared/inference-gateway/capacity-report.ts';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Rejection } from '../../rejection.ts';
import type { Router } from '../../router.ts';
import type { BodyReader } from '../http/body-reader.ts';
import { BodyTexts } from '../http/body-texts.ts';
import type { BodyBudget } from '../http/held-body.ts';
import type { Admitting } from '../http/inference-routes.ts';
import type { Timeouts } from '../http/silence-watch.ts';
import { GrpcServer } from './grpc-server.ts';
import { healthMethods } from './health.ts';
import type { PickerOptions, PickerServices } from './picker-services.ts';
import { ProxiedRequest } from './proxied-request.ts';
import { selfSigned } from './self-signed.ts';
import type { TlsMode } from './tls-modes.ts';

/** The one method of the protocol. Protocol: Envoy's external processing. */
export const processPath = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';
const service = 'envoy.service.ext_proc.v3.ExternalProcessor';

/** What the front works with. */
export interface ExtProcFrontOptions extends PickerOptions {
  readonly router: Router;
  readonly admitting: Admitting;
  readonly timeouts: Timeouts;
  /** The process's, shared with other fronts. */
  readonly bodies: BodyReader;
  readonly budget: BodyBudget;
  readonly maxBodyBytes: number;
  readonly endpointsKey: () => string | undefined;
  /** What `GET /capacity` answers. */
  readonly capacity: () => CapacityReport;
  readonly tls: TlsMode;
  readonly drainPhase: () => DrainPhase;
  readonly onRejected: (rejection: Rejection) => void;
  readonly log: Logger;
}

/** A message holds one piece of a body, as large as the proxy's buffers make it, and some headers. Derived: Envoy's headers take 60 KiB at the most. */
const aroundPieceBytes = 64 * 1024;
/** Protocol: gRPC's own limit. A proxy may send so much in one message, however small bodies have to be. */
const leastMessageBytes = 4 * 1024 * 1024;

/** Proxies that ask where a request is to go: Envoy, and gateways made of it. */
export class ExtProcFront {
  readonly #options: ExtProcFrontOptions;
  readonly #servers: GrpcServer[] = [];
  #open = 0;
  #onIdle: () => void = () => {};

  constructor(options: ExtProcFrontOptions) {
    this.#options = options;
    options.router.pool.subscribe({
      added: ({ host, url }) => {
        if (isIP(host.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))) return;
        options.log.warn({ url }, 'a proxy can be sent to IP addresses alone, which the host of this endpoint is not');
      },
    });
  }

  /** Resolves when both ports are open, to the ports. */
  async listen(host: string, port: number, healthPort: number): Promise<{ port: number; healthPort: number }> {
    const { tls, budget, maxBodyBytes, log } = this.#options;
    const mostMessageBytes = Math.max(leastMessageBytes, maxBodyBytes + aroundPieceBytes);
    const health = healthMethods((name) => this.#isHealthy(name));
    const services = this.#services();
    const picker = new GrpcServer({
      methods: { ...health, [processPath]: (stream) => new ProxiedRequest(services, stream) },
      tls: tls === 'off' ? undefined : await selfSigned(),
      mostMessageBytes,
      budget,
      log,
    });
    const watched = new GrpcServer({ methods: health, mostMessageBytes: aroundPieceBytes, budget, log });
    this.#servers.push(picker, watched);
    return { port: await picker.listen(host, port), healthPort: await watched.listen(host, healthPort) };
  }

  /** Requests whose calls are open. */
  get open(): number {
    return this.#open;
  }

  /** Asks the proxies to take further requests to another picker. */
  sendAway(): void {
    for (const server of this.#servers) server.sendAway();
  }

  /** Resolves when no call is open. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((idle) => {
      this.#onIdle = idle;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  #services(): PickerServices {
    const { admitting, ...options } = this.#options;
    return {
      ...options,
      ...admitting,
      texts: new BodyTexts(),
      clock: monotonicClock,
      random: Math.random,
      opened: () => {
        this.#open += 1;
      },
      closed: () => {
        this.#open -= 1;
        if (this.#open === 0) this.#onIdle();
      },
    };
  }

  /** A picker that is to get no new requests is not ready before it refuses any. */
  #isHealthy(name: string): boolean | undefined {
    const isDraining = this.#options.drainPhase() !== 'none';
    if (name === 'liveness') return true;
    if (name === '' || name === service) return !isDraining;
    return name === 'readiness' ? !isDraining && this.#options.router.pool.anyUsable : undefined;
  }
}
