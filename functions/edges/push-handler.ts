import type { Server, ServerResponse } from 'node:http';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { decodePush } from '../decisions/push-envelope.ts';
import type { RunningDeliveries } from '../state/running-deliveries.ts';
import { Delivery, type DeliveryDependencies } from './delivery.ts';
import { runWithoutDomains } from './no-domains.ts';
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
  runWithoutDomains();
  http(functionName, async (request, response) => {
    const gone = hangUpSignal(response);
    const { status, pool } = await deliver(request.rawBody ?? new Uint8Array(0), gone);
    reports.delivered(gone.aborted ? hungUp : status, pool);
    if (!gone.aborted) response.status(status).end();
  });
  return getTestServer(functionName);

  async function deliver(body: Uint8Array, gone: AbortSignal): Promise<{ status: number; pool: string }> {
    const decoded = decodePush(body);
    if ('notAPush' in decoded) {
      reports.notAPush(decoded.notAPush);
      return { status: 400, pool: '' };
    }
    const { message } = decoded;
    const key = message.messageId === '' ? crypto.randomUUID() : `${message.subscription} ${message.messageId}`;
    const pool = dependencies.poolOf(dependencies.policies.of(message.subscription)).name;
    try {
      const status = await running.run(key, gone, (signal) => new Delivery(message, key, signal, dependencies).run());
      return { status, pool };
    } catch (error) {
      reports.crashed(error);
      return { status: 503, pool };
    }
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
