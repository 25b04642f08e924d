import type { Server } from 'node:http';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { decodePush } from '../../message/push-envelope.ts';
import type { Processor } from '../../processor.ts';
import { runWithoutDomains } from './no-domains.ts';
import type { PushEvents } from './push-events.ts';

const functionName = 'backfill';
const noBytes = new Uint8Array(0);

/** The framework's HTTP server with our function in it. It listens nowhere: requests are handed to it. */
export function createPushServer(processor: Pick<Processor, 'deliver'>, events: PushEvents): Server {
  runWithoutDomains();
  http(functionName, async (request, response) => {
    const gone = new AbortController();
    // The framework's own signal of this fires with every body.
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const status = await take(request.rawBody ?? noBytes, gone.signal);
    if (!gone.signal.aborted) response.status(status).end();
  });
  return getTestServer(functionName);

  async function take(body: Uint8Array, gone: AbortSignal): Promise<number> {
    const decoded = decodePush(body);
    if ('message' in decoded) return processor.deliver(decoded.message, gone);
    events.notAPush(decoded.notAPush);
    events.delivered('', 400);
    return 400;
  }
}
