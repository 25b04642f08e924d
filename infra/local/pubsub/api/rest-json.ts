import type { Message, WrittenMessage } from '../broker/message.ts';
import { camelCase, type Written } from '../catalog/settings.ts';
import { base64 } from '../push/push-request.ts';
import { invalid } from './refusal.ts';

/** Maps whose keys are the user's. */
const freeKeys: readonly string[] = ['attributes', 'labels'];

/**
 * A REST request's JSON body → fields of a request: snake_case names become camelCase, as proto3 JSON allows both,
 * `updateMask` a list, and the data of messages bytes.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function fromRestJson(text: string): Written {
  const body = parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('Invalid JSON payload received: an object is expected.');
  }
  const { updateMask, messages, ...request } = camelKeys(body) as Written;
  return {
    ...request,
    ...(updateMask === undefined ? {} : { updateMask: maskPaths(updateMask) }),
    ...(messages === undefined ? {} : { messages: readRestMessages(messages) }),
  };
}

/**
 * The paths of an update mask as REST writes it.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function maskPaths(mask: unknown): readonly string[] {
  if (typeof mask === 'string') return mask.split(',').filter((path) => path !== '');
  throw invalid('updateMask must be a comma-separated list of fields.');
}

/** A message as REST answers carry it. */
export function toRestMessage({ data, attributes, messageId, publishTimeMs }: Message) {
  return {
    ...(data.byteLength > 0 ? { data: base64(data) } : {}),
    ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
    messageId,
    publishTime: new Date(publishTimeMs).toISOString(),
  };
}

function parse(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('Invalid JSON payload received.');
  }
}

function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inside]) => {
      const name = camelCase(key);
      return [name, freeKeys.includes(name) ? inside : camelKeys(inside)];
    }),
  );
}

function readRestMessages(messages: unknown): WrittenMessage[] {
  if (!Array.isArray(messages)) throw invalid('messages must be a list.');
  return messages.map((message: { data?: unknown; attributes?: unknown; orderingKey?: string } | null) => {
    const { data = '', attributes = {}, orderingKey = '' } = message ?? {};
    if (typeof attributes !== 'object' || Array.isArray(attributes)) throw invalid('attributes must be a map.');
    return { data: bytesOf(data), attributes: (attributes ?? {}) as Record<string, string>, orderingKey };
  });
}

/** Proto3 JSON takes both alphabets, with and without padding. */
function bytesOf(data: unknown): Uint8Array {
  if (typeof data === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(data)) return Buffer.from(data, 'base64');
  throw invalid('Invalid value at messages.data: base64 is expected.');
}
