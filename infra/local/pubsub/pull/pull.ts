import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import type { Broker } from '../broker/broker.ts';
import type { Delivery } from '../broker/message.ts';
import type { Entry } from '../catalog/catalog.ts';

/** What one answer to a pull holds at most; the official clients read 20 MB. */
export const maxPullBytes = 10 * 1024 * 1024;

/** What a pull asks for. */
export interface Pull {
  readonly maxMessages: number;
  /** How long to wait for the first message. */
  readonly waitMs: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** Leases what is due, or waits for it; empty when the wait ends first. */
export async function pull(
  broker: Broker,
  clock: Pick<MonotonicClock, 'after'>,
  subscription: Entry,
  { maxMessages, waitMs, signal }: Pull,
): Promise<Delivery[]> {
  const leaseMs = subscription.config.ackDeadlineSeconds * 1000;
  const lease = () => broker.lease(subscription, { maxMessages, maxBytes: maxPullBytes, leaseMs });
  const { promise, resolve } = Promise.withResolvers<Delivery[]>();
  const unsubscribe = broker.onAvailable(subscription.id, () => {
    const deliveries = lease();
    if (deliveries.length > 0) finish(deliveries);
  });
  const cancelTimer = clock.after(waitMs, () => finish([]));
  const abandon = () => finish([]);
  signal.addEventListener('abort', abandon);
  const finish = (deliveries: Delivery[]) => {
    unsubscribe();
    cancelTimer();
    signal.removeEventListener('abort', abandon);
    resolve(deliveries);
  };
  const deliveries = lease();
  if (deliveries.length > 0 || waitMs === 0 || signal.aborted) finish(deliveries);
  return promise;
}
