import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CRC32C } from '@google-cloud/storage';

/** What Cloud Storage's JSON API does for the official client's reads and writes, as far as it is used: one object a name, generations. */
export async function startStorageDouble() {
  const objects = new Map<string, { readonly data: Buffer; readonly generation: number }>();
  let generations = 0;
  let failing: number | undefined;
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://storage');
    requests.push(`${request.method} ${url.pathname}`);
    const body = await read(request);
    const answer = (status: number, text: string | Buffer, headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(text);
    };
    const refuse = (code: number, message: string): void =>
      answer(code, JSON.stringify({ error: { code, message } }), { 'content-type': 'application/json' });
    if (failing !== undefined) return refuse(failing, 'scripted');
    const upload = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname);
    if (request.method === 'POST' && upload) {
      const name = `${upload[1]}/${url.searchParams.get('name')}`;
      const wanted = url.searchParams.get('ifGenerationMatch');
      const current = objects.get(name)?.generation ?? 0;
      if (wanted !== null && Number(wanted) !== current) return refuse(412, 'precondition');
      generations += 1;
      const data = mediaOf(request, body);
      objects.set(name, { data, generation: generations });
      return answer(200, JSON.stringify({ name, generation: String(generations), crc32c: checksum(data) }), {
        'content-type': 'application/json',
      });
    }
    const download = /^(?:\/storage\/v1)?\/b\/([^/]+)\/o\/(.+)$/.exec(url.pathname);
    const object = download && objects.get(`${download[1]}/${decodeURIComponent(download[2] ?? '')}`);
    if (!object) return answer(404, 'No such object: as Cloud Storage says it of media');
    const hash = `crc32c=${checksum(object.data)}`;
    answer(200, object.data, { 'x-goog-generation': String(object.generation), 'x-goog-hash': hash });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    objects,
    requests,
    /** Every answer has this status; undefined serves again. */
    fail(status: number | undefined): void {
      failing = status;
    },
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  };
}

function checksum(data: Buffer): string {
  const crc = new CRC32C();
  crc.update(data);
  return crc.toString();
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The second part of a multipart upload. */
function mediaOf({ headers }: IncomingMessage, body: Buffer): Buffer {
  const boundary = /boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) return body;
  const text = body.toString('latin1');
  const part = text.split(`--${boundary}`)[2] ?? '';
  return Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4).replace(/\r\n$/, ''), 'latin1');
}
