import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Handler } from './api/inference.ts';
import { applicationHeaders, HttpFault, RequestFault, routeFault, unauthorized } from './faults/request-fault.ts';
import type { FrontEnd } from './front-end.ts';
import type { Metrics } from './metrics/metrics.ts';

/** What the HTTP server serves. */
export interface HttpOptions {
  readonly inference: ReadonlyMap<string, Handler>;
  readonly metrics: Metrics;
  readonly frontEnd: FrontEnd;
  readonly model: string;
  readonly maxModelTokens: number;
  /** What the guarded paths ask for; undefined: nothing. */
  readonly apiKey: string | undefined;
  /** Until then everything is answered with 503. */
  readonly isReady: () => boolean;
}

/** The paths that `--api-key` guards begin so; `/metrics`, `/health`, `/tokenize` and `/rerank` stay open. */
const guarded = ['/v1', '/v2', '/inference', '/cohere'];

/** Beyond which vLLM's server (uvicorn) closes a connection that is idle, without having said so. */
const idleConnectionMs = 5000;

/** vLLM's routes. */
export function createHttpServer(options: HttpOptions): Server {
  const { inference, metrics, frontEnd, apiKey } = options;
  const models = modelList(options);
  const readable = new Map<string, Handler>([
    ['/health', async (_, response) => void response.setHeader('content-length', 0).end()],
    ['/v1/models', async (_, response) => send(response, 200, 'application/json', models)],
    [
      '/metrics',
      async (_, response) => {
        await frontEnd.takePage();
        send(response, 200, metrics.contentType, await metrics.text());
      },
    ],
  ]);

  const handlerOf = ({ method, headers }: IncomingMessage, path: string): Handler => {
    if (!options.isReady()) throw new RequestFault(503, 'Service Unavailable', 'the model is loading');
    if (apiKey !== undefined && guarded.some((prefix) => path.startsWith(prefix))) {
      const [, key] = /^bearer (.*)$/i.exec(headers.authorization ?? '') ?? [];
      if (key !== apiKey) throw unauthorized();
    }
    const allowed = inference.has(path) ? 'POST' : readable.has(path) ? 'GET' : undefined;
    if (allowed === undefined) throw routeFault(404);
    if (method !== allowed) throw routeFault(405, allowed);
    return inference.get(path) ?? readable.get(path)!;
  };

  return createServer({ noDelay: true, keepAliveTimeout: idleConnectionMs }, async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    metrics.countRequest(inference.has(path) || readable.has(path) ? path : undefined, request, response);
    try {
      const handler = handlerOf(request, path);
      describe(response, applicationHeaders);
      await handler(request, response);
    } catch (error) {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const { status, headers, body } = error instanceof HttpFault ? error : unexpected(error);
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      describe(response, headers);
      response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
    }
  });
}

/** vLLM's server says nothing of connections that stay open. */
function describe(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  if (response.shouldKeepAlive) response.removeHeader('connection');
  for (const [name, value] of Object.entries({ server: 'uvicorn', ...headers })) response.setHeader(name, value);
}

function modelList({ model, maxModelTokens }: HttpOptions): string {
  const created = Math.floor(Date.now() / 1000);
  const permission = { id: 'modelperm-0', object: 'model_permission', created, allow_view: true, organization: '*' };
  const card = { id: model, object: 'model', created, owned_by: 'vllm', root: model, parent: null };
  const data = [{ ...card, max_model_len: maxModelTokens, permission: [permission] }];
  return JSON.stringify({ object: 'list', data });
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function unexpected(error: unknown): RequestFault {
  return new RequestFault(500, 'InternalServerError', error instanceof Error ? error.message : String(error));
}
