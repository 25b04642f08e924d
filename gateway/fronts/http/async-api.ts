import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, request as call } from 'undici';
import { requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import { hopByHopHeaders } from '../../../shared/inference-gateway/hop-by-hop.ts';
import { refusal } from '../../refusal.ts';
import type { TurnAway } from './model-routes.ts';

/** The paths of the async API. Protocol: contract §11. */
const paths = ['/v1/files', '/v1/batches', '/v1/requests'].flatMap((path) => [path, `${path}/*`] as const);
const ownHeaders = new Set<string>([...hopByHopHeaders, 'host', 'expect', requestIdHeader]);

/** What passing requests on to the async API needs. */
export interface AsyncApiServices {
  readonly baseUrl: string;
  readonly turnAway: TurnAway;
  /** False where the request was refused because the gateway shuts down. */
  readonly takesIn: (request: FastifyRequest, reply: FastifyReply) => boolean;
}

/**
 * Passes the async API's requests on, so that clients need one base URL for both. The key goes with them: the async API has the same keys,
 * and knows the tenant by it. Bodies are not held here, however large they are.
 */
export function asyncApiRoutes(app: FastifyInstance, { baseUrl, turnAway, takesIn }: AsyncApiServices): void {
  const agent = new Agent();
  app.addHook('onClose', () => agent.destroy());
  const passOn = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!takesIn(request, reply)) return;
    const { raw } = request;
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    const hasBody = raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
    try {
      const answer = await call(baseUrl + request.url, {
        dispatcher: agent,
        method: raw.method as 'POST',
        headers: [...withoutOwn(raw.rawHeaders), requestIdHeader, request.id],
        body: hasBody ? raw : null,
        signal: left.signal,
      });
      reply.hijack();
      const headers = Object.entries(answer.headers).filter(([name]) => !ownHeaders.has(name));
      reply.raw.writeHead(answer.statusCode, { ...Object.fromEntries(headers), [requestIdHeader]: request.id });
      await pipeline(answer.body, reply.raw);
    } catch {
      if (!reply.raw.headersSent) turnAway(request, reply, refusal('upstream_error', 'the async API gave no answer'));
      else reply.raw.destroy();
    }
  };
  // Past the framework's own reading of bodies.
  for (const path of paths) app.all(path, { onRequest: passOn, handler: () => undefined });
}

function withoutOwn(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, at) => !ownHeaders.has(rawHeaders[at - (at % 2)]?.toLowerCase() ?? ''));
}
