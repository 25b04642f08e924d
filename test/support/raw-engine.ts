import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as it stood on the wire. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** Name in lower case and value, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** The bytes that answer a request. */
export type RawScript = (request: RawRequest) => Buffer;

/** A model server over bare sockets that reads requests by the letter: one that hides in another cannot escape it. */
export interface RawEngine {
  readonly url: string;
  readonly host: string;
  /** Inference requests, until they are taken out. */
  take(): RawRequest[];
  /** What came and is no request with a plain length. */
  readonly faults: readonly string[];
  close(): void;
}

const requestLine = /^([A-Z]+) (\S+) HTTP\/1\.1$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/s;

export async function startRawEngine(script: RawScript): Promise<RawEngine> {
  let seen: RawRequest[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    let pending: Buffer = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      for (;;) {
        const read = readRequest(pending);
        if (read === undefined) return;
        if ('fault' in read) {
          faults.push(read.fault);
          socket.destroy();
          return;
        }
        pending = pending.subarray(read.sizeBytes);
        if (read.request.method !== 'GET') seen.push(read.request);
        socket.write(read.request.method === 'GET' ? observed(read.request.target) : script(read.request));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    faults,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An answer with a length. */
export function rawAnswer(status: number, body: Buffer | string, contentType = 'application/json'): Buffer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 ${status} Scripted\r\ncontent-type: ${contentType}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

function observed(target: string): Buffer {
  if (target === '/v1/models') return rawAnswer(200, '{"object":"list","data":[{"id":"m","object":"model"}]}');
  if (target === '/metrics') return rawAnswer(200, 'vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n');
  return rawAnswer(200, '');
}

function readRequest(
  bytes: Buffer,
): { readonly request: RawRequest; readonly sizeBytes: number } | { readonly fault: string } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) return { fault: `a request line ${JSON.stringify(first)}` };
  const headers: (readonly [string, string])[] = [];
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined || /[\r\n\0]/.test(value)) {
      return { fault: `a header line ${JSON.stringify(line)}` };
    }
    headers.push([name.toLowerCase(), value]);
  }
  const lengths = headers.filter(([name]) => name === 'content-length');
  if (headers.some(([name]) => name === 'transfer-encoding')) return { fault: 'a body in chunks' };
  if (lengths.length > 1) return { fault: 'two lengths' };
  const length = Number(lengths[0]?.[1] ?? 0);
  if (!Number.isSafeInteger(length)) return { fault: `a length of ${lengths[0]?.[1]}` };
  const sizeBytes = end + 4 + length;
  if (bytes.length < sizeBytes) return undefined;
  return { request: { method, target, headers, body: bytes.subarray(end + 4, sizeBytes) }, sizeBytes };
}
