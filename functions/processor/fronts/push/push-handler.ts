import type { Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { type DecodedPush, decodePush } from '../../message/push-envelope.ts';
import type { Processor } from '../../processor.ts';
import { runWithoutDomains } from './no-domains.ts';
import type { PushEvents } from './push-events.ts';
import type { PushRoom } from './push-room.ts';

const functionName = 'backfill';
/**
 * To read a larger push, and then its message, takes milliseconds each: in between other work has its turn. Measured: 1.6 ms for an
 * envelope of this size.
 */
const largeBytes = 256 * 1024;
const noBytes = new Uint8Array(0);

/** The framework's HTTP server with our function in it. It listens nowhere: requests are handed to it, each with its room. */
export function createPushServer(
  processor: Pick<Processor, 'deliver'>,
  room: Pick<PushRoom, 'during'>,
  events: PushEvents,
): Server {
  runWithoutDomains();
  http(functionName, async (request, response) => {
    const gone = new AbortController();
    // The framework's own signal of this fires with every body.
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const status = await room.during(request, () => deliver(takePush(request), gone.signal));
    if (!gone.signal.aborted) response.status(status).end();
  });
  return getTestServer(functionName);

  async function deliver(push: DecodedPush, gone: AbortSignal): Promise<number> {
    if ('message' in push) {
      if (push.message.data.length > largeBytes) await nextTurn();
      return processor.deliver(push.message, gone);
    }
    events.notAPush(push.notAPush);
    events.delivered('', 400);
    return 400;
  }
}

/** What the body says. The request, which lives as long as its delivery, lets go of it: the message has its own bytes. */
function takePush(request: { rawBody?: Buffer | undefined; body?: unknown }): DecodedPush {
  const body = request.rawBody ?? noBytes;
  request.rawBody = undefined;
  request.body = undefined;
  return decodePush(body);
}
