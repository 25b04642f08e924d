import type { Attributes } from '../../../shared/pubsub/message-attributes.ts';
import { isObject, jsonSpan } from '../../../shared/runtime/json-spans.ts';
import { printable } from '../terminal/printable.ts';

/** A result as it is written: its own text with `line` as its first member, on one line. What is no JSON object is kept beside it. */
export function resultLine(line: number, data: Uint8Array): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
  const span = jsonSpan(data);
  if (!span) return `{"line":${line},"result":${JSON.stringify(text)}}`;
  // Between JSON's tokens a line end means nothing, and inside a string there is none.
  const json = text.trim().replaceAll(/[\r\n]+/g, ' ');
  if (!isObject(data, span)) return `{"line":${line},"result":${json}}`;
  const members = json.slice(1).trimStart();
  return `{"line":${line}${members === '}' ? '' : ','}${members}`;
}

/** Why a request failed, for people; null when it succeeded. Source: contract §2. */
export function failureReason(attributes: Attributes, data: Uint8Array): string | null {
  if (attributes.status === 'succeeded') return null;
  const told = errorText(data);
  const code = attributes.error_code || statusText(attributes.status_code);
  return told === '' ? code : printable(`${code}: ${told}`);
}

function statusText(statusCode: string | undefined): string {
  return statusCode ? `status ${statusCode}` : 'the result does not say that it succeeded';
}

/** What a failed result says: its error, else the answer's, else the answer's text. Empty when it says nothing. */
function errorText(data: Uint8Array): string {
  const result = parse(Buffer.from(data).toString());
  const own = member(result, 'error_message') || messageOf(member(result, 'error'));
  if (typeof own === 'string' && own !== '') return own;
  const body = member(member(result, 'response'), 'body') ?? member(result, 'payload');
  const answer = typeof body === 'string' ? (parse(body) ?? body) : body;
  const message = messageOf(member(answer, 'error')) ?? messageOf(answer) ?? answer ?? '';
  return typeof message === 'string' ? message : written(message);
}

function written(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Reading JSON needs no stack, writing does.
    return 'an answer that nests too deep to show';
  }
}

function messageOf(error: unknown): string | undefined {
  const message = typeof error === 'string' ? error : member(error, 'message');
  return typeof message === 'string' ? message : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
