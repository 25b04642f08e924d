import { decodeUtf8 } from '../../shared/runtime/utf8.ts';
import { isHeavyJson } from './json-weight.ts';

export interface RequestBody {
  readonly model: string;
  readonly stream: boolean;
  /** Estimated from the size. */
  readonly promptTokens: number;
  /** As the request limits them, in any of the interfaces' spellings. */
  readonly maxOutputTokens: number | undefined;
}

const bytesPerToken = 4;
/** What is so short is not worth looking into. */
const shortBytes = 32 * 1024;
/** An image or a sound, whatever the size of its file. */
const attachmentTokens = 1000;
const attachmentMark = ';base64,';
/** Both alphabets; a slash may be written with a backslash before it. */
const inBase64 = new Uint8Array(256);
for (const byte of new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\')) {
  inBase64[byte] = 1;
}
/** Names become metric labels. */
const longestModelName = 256;

/** What the gateway needs of a request's body, or why it is none. */
export function readRequestBody(bytes: Buffer): RequestBody | { readonly fault: string } {
  if (isHeavyJson(bytes)) return { fault: 'the body holds too many arrays, objects and values' };
  const text = decodeUtf8(bytes);
  if (text === undefined) return { fault: 'the body must be UTF-8' };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { fault: 'the body must be JSON' };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { fault: 'the body must be a JSON object' };
  }
  const { model, stream, max_completion_tokens, max_tokens, max_output_tokens } = body as Record<string, unknown>;
  if (typeof model !== 'string' || model === '') return { fault: 'the body must name a model' };
  if (model.length > longestModelName)
    return { fault: `the model's name is longer than ${longestModelName} characters` };
  return {
    model,
    stream: stream === true,
    promptTokens: promptTokensOf(bytes),
    maxOutputTokens: [max_completion_tokens, max_tokens, max_output_tokens].find(isCount),
  };
}

/** Four bytes of text are a token; a file that is written out in base64 is none. */
function promptTokensOf(bytes: Buffer): number {
  if (bytes.length <= shortBytes) return Math.ceil(bytes.length / bytesPerToken);
  let textBytes = bytes.length;
  let attachments = 0;
  for (let at = bytes.indexOf(attachmentMark); at >= 0; at = bytes.indexOf(attachmentMark, at)) {
    at += attachmentMark.length;
    const start = at;
    while (at < bytes.length && inBase64[bytes[at]!] === 1) at += 1;
    textBytes -= at - start;
    attachments += 1;
  }
  return Math.ceil(textBytes / bytesPerToken) + attachments * attachmentTokens;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
