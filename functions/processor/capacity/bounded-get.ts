import type { IncomingHttpHeaders } from 'node:http';
import got from 'got';
import { msBetween, type UnixMs, type WallClock } from '../../../shared/runtime/clock.ts';
import { parseHttpDate } from '../call/http-date.ts';

/** An HTTP answer, read to its end. */
export interface TextPage {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  /** When the server says that it answered; absent where it does not say. */
  readonly dateMs?: UnixMs;
}

/**
 * For the whole page. Derived: less than the shortest useful `CAPACITY_REFRESH_SECONDS`, 5 s by default, so that a source that hangs costs
 * no second period.
 */
const timeoutMs = 2000;
/** Derived: a page of an endpoint picker with a thousand model servers has some 2 MB. */
const largestBytes = 8 * 1024 * 1024;

/**
 * Reads a page of at most 8 MiB within two seconds; not repeated, not redirected.
 * @throws {Error} when there is no answer in time, or a larger one.
 */
export async function boundedGet(url: string, headers: Readonly<Record<string, string>> = {}): Promise<TextPage> {
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
  const text = Buffer.concat(chunks, sizeBytes).toString();
  const dateMs = parseHttpDate(answered.date ?? '');
  return { status, text, headers: answered, ...(dateMs === undefined ? {} : { dateMs }) };
}

/**
 * How old the instant is that a page names, in milliseconds: by the clock of the server that wrote both, where it says what time it
 * is, and by ours otherwise. Never negative: another machine's clock may run ahead.
 */
export function ageOnPage({ dateMs }: TextPage, instant: UnixMs, wall: WallClock): number {
  return Math.max(0, msBetween(instant, dateMs ?? wall.unixMs()));
}
