import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

/** One request as the engine saw it. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Everything it wrote into the answer's body. */
  readonly written: Buffer[];
  /** The connection is still open and the answer not ended. */
  readonly open: boolean;
}

export type Script = (answer: ServerResponse, seen: Seen) => void | Promise<void>;

/** A model server whose every answer is scripted, and which remembers what it was asked and what it wrote. */
export interface ScriptedEngine {
  readonly url: string;
  readonly host: string;
  readonly seen: Seen[];
  script: Script;
  /** Undefined answers 404. */
  metrics: string | undefined;
  models: readonly string[] | undefined;
  /** Of `/health`; undefined never answers. */
  health: number | undefined;
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>;
}

const started: ScriptedEngine[] = [];
afterAll(() => Promise.all(started.map((engine) => engine.stop())));

export function vllmMetrics({ running = 0, waiting = 0, kvCache = 0 } = {}): string {
  return [
    `vllm:num_requests_running{model_name="m"} ${running}`,
    `vllm:num_requests_waiting{model_name="m"} ${waiting}`,
    `vllm:kv_cache_usage_perc{model_name="m"} ${kvCache}`,
    '',
  ].join('\n');
}

/** A short answer in one piece. */
export const answerAtOnce: Script = (answer) => {
  answer.writeHead(200, { 'content-type': 'application/json' });
  answer.end('{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}');
};

export async function startEngine(options: Partial<ScriptedEngine> & { port?: number } = {}): Promise<ScriptedEngine> {
  const server = createServer((request, answer) => void receive(engine, request, answer));
  await new Promise<void>((listening) => server.listen(options.port ?? 0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const engine: ScriptedEngine = {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    seen: [],
    script: answerAtOnce,
    metrics: vllmMetrics(),
    models: ['m'],
    health: 404,
    ...options,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
  started.push(engine);
  return engine;
}

async function receive(engine: ScriptedEngine, request: IncomingMessage, answer: ServerResponse): Promise<void> {
  if (request.url?.endsWith('/metrics')) return respond(answer, engine.metrics);
  if (request.url?.endsWith('/v1/models')) {
    const models = engine.models?.map((id) => ({ id, object: 'model' }));
    return respond(answer, models && JSON.stringify({ object: 'list', data: models }));
  }
  if (request.url?.endsWith('/health')) return void (engine.health && answer.writeHead(engine.health).end());
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const written: Buffer[] = [];
  const write = answer.write.bind(answer);
  answer.write = ((chunk: string | Buffer, flushed?: () => void) => {
    written.push(Buffer.from(chunk));
    return flushed ? write(chunk, flushed) : write(chunk);
  }) as typeof answer.write;
  const seen: Seen = {
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.concat(chunks),
    written,
    get open() {
      return !answer.closed && !answer.writableEnded;
    },
  };
  engine.seen.push(seen);
  await engine.script(answer, seen);
}

function respond(answer: ServerResponse, text: string | undefined): void {
  answer.writeHead(text === undefined ? 404 : 200).end(text);
}
