import { connect } from 'node:net';
import { type MonotonicClock, msBetween } from '../../../shared/runtime/clock.ts';

/** What the wait for a gateway is made from. */
export interface StartupOptions {
  /** Base URLs. */
  readonly gatewayUrls: readonly string[];
  readonly clock: MonotonicClock;
  /** Rejects where nothing accepts a connection there. */
  readonly reach?: (url: string) => Promise<void>;
}

/** A new instance's way into its VPC may take a minute. Derived: half as long again. */
const longestWaitMs = 90_000;
/** Between two tries. Derived: a quarter of a try's time. */
const pauseMs = 250;
/** Of one try. Derived: one lost SYN is sent again after a second. */
const connectTimeoutMs = 1000;

/**
 * Waits until one of the gateways accepts a TCP connection, 90 s from now at the most, and then says yes all the same: an instance whose
 * gateway is gone must start, since its breaker and its probes are how that is noticed and how it ends. All callers share one wait.
 */
export function startupWait({ gatewayUrls, clock, reach = connectTo }: StartupOptions): () => Promise<void> {
  const startedAtMs = clock.nowMs();
  let waiting: Promise<void> | undefined;
  return () => {
    waiting ??= wait();
    return waiting;
  };

  async function wait(): Promise<void> {
    while (msBetween(startedAtMs, clock.nowMs()) < longestWaitMs) {
      const isReached = await Promise.any(gatewayUrls.map(reach)).then(
        () => true,
        () => false,
      );
      if (isReached) return;
      await new Promise<void>((resume) => clock.after(pauseMs, resume));
    }
  }
}

function connectTo(url: string): Promise<void> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      timeout: connectTimeoutMs,
    });
    const end = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.once('connect', () => end(resolve));
    socket.once('timeout', () => end(() => reject(new Error('no answer'))));
    socket.once('error', (error) => end(() => reject(error)));
  });
}
