import type { Server } from 'node:http';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { Delivery, type DeliveryDependencies } from '../../delivery.ts';
import { decodePush } from '../../message/push-envelope.ts';
import type { Reports } from '../../observe/reports.ts';
import type { Joined, RunningDeliveries } from '../../running-deliveries.ts';
import { runWithoutDomains } from './no-domains.ts';

const functionName = 'backfill';

/** What Pub/Sub never hears: it had hung up. */
const hungUp = 499;

/** The framework's HTTP server with our function in it. It listens nowhere: requests are handed to it. */
export function createPushServer(
  running: RunningDeliveries,
  reports: Reports,
  dependencies: DeliveryDependencies,
): Server {
  runWithoutDomains();
  http(functionName, async (request, response) => {
    const delivery = take(request.rawBody ?? new Uint8Array(0));
    let isGone = false;
    // The framework's own signal of this fires with every body.
    response.once('close', () => {
      isGone = !response.writableFinished;
      if (isGone) delivery.leave();
    });
    const status = await delivery.status.catch((error: unknown) => {
      reports.crashed(error);
      return 503;
    });
    reports.delivered(isGone ? hungUp : status, delivery.pool);
    if (!isGone) response.status(status).end();
  });
  return getTestServer(functionName);

  function take(body: Uint8Array): Joined & { readonly pool: string } {
    const decoded = decodePush(body);
    if ('notAPush' in decoded) {
      reports.notAPush(decoded.notAPush);
      return { status: Promise.resolve(400), leave: () => undefined, pool: '' };
    }
    const { message } = decoded;
    const key = message.messageId === '' ? crypto.randomUUID() : `${message.subscription} ${message.messageId}`;
    const pool = dependencies.poolOf(dependencies.policies.of(message.subscription)).name;
    return { pool, ...running.join(key, (signal) => new Delivery(message, key, signal, dependencies).run()) };
  }
}
