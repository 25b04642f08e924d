import { answersAsked } from '../../shared/openai/answers-asked.ts';
import type { ApiRoute } from '../../shared/openai/api-routes.ts';
import { decodeUtf8 } from '../../shared/runtime/utf8.ts';
import { isHeavyJson } from './json-weight.ts';

/** What the gateway needs to know of a request's body. */
export interface RequestBody {
  /** From 1 to 256 characters. */
  readonly model: string;
  /** Whether the answer comes as server-sent events. */
  readonly stream: boolean;
  /** Estimated from the size. */
  readonly promptTokens: number;
  /** The request's own limit, in tokens; undefined where it sets none. */
  readonly maxOutputTokens: number | undefined;
  /** How many answers the request asks for, at least 1. */
  readonly answersAsked: number;
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
/** Names of models become metric labels, so they are bounded. */
const longestModelName = 256;

/** Reads the body of a request for `route`; `fault` says in words for the client why the body is no request. */
export function readRequestBody(bytes: Buffer, route: ApiRoute): RequestBody | { readonly fault: string } {
  if (isHeavyJson(bytes)) return { fault: 'the body holds too many arrays, objects and values' };
  const text = decodeUtf8(bytes);
  if (text === undefined) return { fault: 'the body must be UTF-8' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { fault: 'the body must be JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { fault: 'the body must be a JSON object' };
  }
  const body = parsed as Readonly<Record<string, unknown>>;
  const { model, stream } = body;
  if (typeof model !== 'string' || model === '') return { fault: 'the body must name a model' };
  if (model.length > longestModelName) {
    return { fault: `the model's name is longer than ${longestModelName} characters` };
  }
  return {
    model,
    stream: route.mayStream && stream === true,
    promptTokens: promptTokensOf(bytes),
    maxOutputTokens: route.outputLimitKeys.map((key) => body[key]).find(isCount),
    answersAsked: answersAsked(route, body),
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
