import type { IncomingMessage } from 'node:http';
import { RequestFault } from '../faults/request-fault.ts';
import { invalid, unsupportedMediaType } from '../faults/validation-fault.ts';
import type { Json } from './fields.ts';

/** Ours: vLLM takes bodies of any size. */
const mostBytes = 64 * 2 ** 20;

/** @throws {RequestFault} 400 when the body is no JSON object, or not announced as JSON; 413 when it is too large. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RequestFault(413, 'Content Too Large', `the body exceeds ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  const mediaType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') throw unsupportedMediaType();
  if (bytes === 0) throw invalid('missing', '');
  const body = parse(Buffer.concat(chunks).toString());
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('model_attributes_type', '');
  return body as Json;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // vLLM names the character at which the text stops being JSON.
    const position = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    throw invalid('json_invalid', position ?? `${text.length}`);
  }
}
