import type { Server, ServerResponse } from 'node:http';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { decodePush } from '../decisions/push-envelope.ts';
import type { RunningDeliveries } from '../state/running-deliveries.ts';
import { Delivery, type DeliveryDependencies } from './delivery.ts';
import type { Reports } from './reports.ts';

const functionName = 'backfill';

/** What Pub/Sub never hears: it had hung up. */
const hungUp = 499;

/** The framework's HTTP server with our function in it. It listens nowhere: requests are handed to it. */
export function createPushServer(
  running: RunningDeliveries,
  reports: Reports,
  dependencies: DeliveryDependencies,
): Server {
  http(functionName, async (request, response) => {
    const gone = hangUpSignal(response);
    const status = await deliver(request.rawBody ?? new Uint8Array(0), gone).catch((error) => {
      reports.crashed(error);
      return 503;
    });
    reports.delivered(gone.aborted ? hungUp : status);
    if (!gone.aborted) response.status(status).end();
  });
  return getTestServer(functionName);

  async function deliver(body: Uint8Array, gone: AbortSignal): Promise<number> {
    const decoded = decodePush(body);
    if ('notAPush' in decoded) {
      reports.notAPush(decoded.notAPush);
      return 400;
    }
    const { message } = decoded;
    const key = message.messageId === '' ? crypto.randomUUID() : `${message.subscription} ${message.messageId}`;
    return running.run(key, gone, (signal) => new Delivery(message, key, signal, dependencies).run());
  }
}

/** Aborted when the connection closes before the answer is out. The framework's own signal fires with every body. */
function hangUpSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}
