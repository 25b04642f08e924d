import { type IncomingHttpHeaders, request } from 'node:http';
import { type RunningProcess, startProcess } from './processes.ts';

export function startGateway(env: Readonly<Record<string, string>>): Promise<RunningProcess> {
  return startProcess('gateway/main.ts', [], { PORT: '0', HOST: '127.0.0.1', METRICS_REFRESH_MS: '50', ...env });
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection ended before the answer did. */
  readonly complete: boolean;
}

export interface Call {
  readonly answer: Promise<Answer>;
  /** Resolves with the first byte of the answer's body; never, where it has none. */
  readonly began: Promise<void>;
  /** What has come so far. */
  received(): Buffer;
  /** Closes the connection, as a client that has gone. */
  leave(): void;
}

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export const sheddable = { 'x-gateway-inference-objective': 'sheddable' };

/** One request, with every byte of its answer as it came. */
export function call(baseUrl: string, options: CallOptions = {}): Call {
  const { method = 'POST', path = '/v1/chat/completions', body = '{"model":"m"}' } = options;
  // vLLM refuses a body that is not announced as JSON.
  const headers = { ...(method === 'POST' ? { 'content-type': 'application/json' } : {}), ...options.headers };
  const chunks: Buffer[] = [];
  const outgoing = request(new URL(path, baseUrl), { method, headers, agent: false, maxHeaderSize: 128 * 1024 });
  let begin: () => void = () => {};
  const began = new Promise<void>((first) => {
    begin = first;
  });
  const answer = new Promise<Answer>((answered, failed) => {
    outgoing.once('error', failed);
    outgoing.once('response', (response) => {
      response.once('data', () => begin());
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => {});
      response.once('close', () =>
        answered({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          complete: response.complete,
        }),
      );
    });
  });
  answer.catch(() => {});
  outgoing.end(method === 'GET' || method === 'HEAD' ? undefined : body);
  return { answer, began, received: () => Buffer.concat(chunks), leave: () => outgoing.destroy() };
}

export function ask(baseUrl: string, options?: CallOptions): Promise<Answer> {
  return call(baseUrl, options).answer;
}

export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString()) as Record<string, unknown>;
}

export function errorCode(answer: Answer): unknown {
  return (json(answer).error as { code?: unknown } | undefined)?.code;
}

export async function get(baseUrl: string, path: string): Promise<Record<string, unknown>> {
  return json(await ask(baseUrl, { method: 'GET', path }));
}
