import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import type { Push, SendPush } from './push-flow.ts';
import { pushBody } from './push-request.ts';
import type { PushTokens } from './push-tokens.ts';

/** Sends pushes. */
export interface PushClient {
  readonly send: SendPush;
  /** Closes kept connections. */
  close(): void;
}

/** Sends wrapped pushes over kept connections. The ack deadline covers the whole request. */
export function createPushClient(tokens: PushTokens, clock: Pick<MonotonicClock, 'after'>): PushClient {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  return {
    send: (push) => {
      const { ackDeadlineSeconds } = push.subscription;
      const { request, body } = begin(push);
      return new Promise((resolve) => {
        const cancelTimeout = clock.after(ackDeadlineSeconds * 1000, () => request.destroy());
        const abort = () => request.destroy();
        push.signal.addEventListener('abort', abort);
        request.on('information', ({ statusCode }) => statusCode === 102 && resolve(102));
        request.on('response', (response: IncomingMessage) => {
          resolve(response.statusCode);
          response.on('error', () => {});
          response.resume();
        });
        request.on('error', () => resolve(undefined));
        request.on('close', () => {
          cancelTimeout();
          push.signal.removeEventListener('abort', abort);
          resolve(undefined);
        });
        request.end(body);
      });
    },
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };

  function begin({ subscription, delivery }: Push): { request: ClientRequest; body: string } {
    const { pushEndpoint = '', oidcToken } = subscription.pushConfig;
    const attempt = subscription.deadLetterPolicy ? delivery.attempt : undefined;
    const body = pushBody(subscription.name, delivery.message, attempt);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'CloudPubSub-Google',
      ...(oidcToken
        ? { authorization: `Bearer ${tokens(oidcToken.serviceAccountEmail, oidcToken.audience ?? pushEndpoint)}` }
        : {}),
    };
    const secure = pushEndpoint.startsWith('https:');
    const open = secure ? httpsRequest : httpRequest;
    return { request: open(pushEndpoint, { method: 'POST', headers, agent: agents[secure ? 'https' : 'http'] }), body };
  }
}
