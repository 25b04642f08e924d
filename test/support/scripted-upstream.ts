import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UpstreamCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The caller hung up before the answer was out. */
  aborted: boolean;
}

export type Script = (call: UpstreamCall, response: ServerResponse, index: number) => void;

/** An upstream that does what the scenario says, and remembers its calls. */
export async function startScriptedUpstream() {
  const calls: UpstreamCall[] = [];
  let script: Script = answering(200);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'GET') return void response.writeHead(404).end();
      const body = Buffer.concat(chunks).toString();
      const call = { path: request.url ?? '', headers: request.headers, body, aborted: false };
      response.on('close', () => {
        call.aborted = !response.writableFinished;
      });
      calls.push(call);
      script(call, response, calls.length - 1);
    });
  };
  const listen = async (at: number): Promise<Server> => {
    const listening = createServer(answer);
    await new Promise<void>((ready) => listening.listen(at, '127.0.0.1', ready));
    return listening;
  };
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    /** From now on, with an empty memory. */
    play(next: Script): void {
      script = next;
      calls.length = 0;
    },
    /** Refuses connections from now on, until `accept`. */
    refuse: close,
    async accept(): Promise<void> {
      server ??= await listen(port);
    },
    close,
  };
}

/** What a scripted upstream is. */
export type ScriptedUpstream = Awaited<ReturnType<typeof startScriptedUpstream>>;

/** Answers every call alike. */
export function answering(status: number, body = '{"choices":[]}', headers: Record<string, string> = {}): Script {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  };
}
