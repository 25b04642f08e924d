import type { IncomingMessage } from 'node:http';
import { RequestFault } from '../faults/request-fault.ts';
import type { Json } from './generation.ts';

const mostBytes = 64 * 2 ** 20;

/** @throws {RequestFault} 400 when the body is no JSON object, 413 when it is too large. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RequestFault(413, 'Content Too Large', `the body exceeds ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  const body = parse(Buffer.concat(chunks).toString());
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RequestFault(400, 'Bad Request', 'the body must be a JSON object');
  }
  return body as Json;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestFault(400, 'Bad Request', 'the body is not valid JSON');
  }
}
