import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Handler } from './api/inference.ts';
import { faultBody, RequestFault } from './faults/request-fault.ts';
import type { Metrics } from './metrics.ts';

export interface HttpOptions {
  readonly inference: ReadonlyMap<string, Handler>;
  readonly metrics: Metrics;
  readonly model: string;
  readonly maxModelTokens: number;
  /** Until then everything is answered with 503. */
  readonly isReady: () => boolean;
}

/** vLLM's routes. */
export function createHttpServer(options: HttpOptions): Server {
  const { inference, metrics } = options;
  const startedAt = Math.floor(Date.now() / 1000);
  const models = JSON.stringify({
    object: 'list',
    data: [
      {
        id: options.model,
        object: 'model',
        created: startedAt,
        owned_by: 'vllm',
        root: options.model,
        parent: null,
        max_model_len: options.maxModelTokens,
      },
    ],
  });
  const readable = new Map<string, Handler>([
    ['/health', async (_, response) => void response.end()],
    ['/v1/models', async (_, response) => send(response, 200, 'application/json', models)],
    ['/metrics', async (_, response) => send(response, 200, metrics.contentType, await metrics.text())],
  ]);

  const handlerOf = ({ method, url = '/' }: IncomingMessage): Handler => {
    if (!options.isReady()) throw new RequestFault(503, 'Service Unavailable', 'the model is loading');
    const path = url.split('?', 1)[0]!;
    const handler = method === 'POST' ? inference.get(path) : method === 'GET' ? readable.get(path) : undefined;
    if (handler) return handler;
    if (inference.has(path) || readable.has(path)) {
      throw new RequestFault(405, 'Method Not Allowed', 'Method Not Allowed');
    }
    throw new RequestFault(404, 'Not Found', 'Not Found');
  };

  return createServer({ noDelay: true }, async (request, response) => {
    try {
      await handlerOf(request)(request, response);
    } catch (error) {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const fault = error instanceof RequestFault ? error : unexpected(error);
      send(response, fault.status, 'application/json', faultBody(fault));
    }
  });
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function unexpected(error: unknown): RequestFault {
  return new RequestFault(500, 'InternalServerError', error instanceof Error ? error.message : String(error));
}
