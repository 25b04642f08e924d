import type { IncomingHttpHeaders } from 'node:http';
import got from 'got';

export interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

const timeoutMs = 2000;
const largestBytes = 8 * 1024 * 1024;

/**
 * Reads a page of at most 8 MiB within two seconds; not repeated, not redirected.
 * @throws {Error} when there is no answer in time, or a larger one.
 */
export async function boundedGet(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
  const stream = got.stream(url, {
    headers,
    timeout: { request: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  });
  let status = 0;
  let answered: IncomingHttpHeaders = {};
  stream.on('response', (response) => {
    status = response.statusCode;
    answered = response.headers;
  });
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of stream) {
      sizeBytes += chunk.length;
      if (sizeBytes > largestBytes) throw new Error(`${url} answers more than ${largestBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    stream.destroy();
  }
  return { status, text: Buffer.concat(chunks, sizeBytes).toString(), headers: answered };
}
