import type { WrittenMessage } from '../broker/message.ts';
import type { Written } from '../catalog/settings.ts';
import type { ReceivedMessage } from './methods.ts';

interface ProtoDuration {
  readonly seconds?: number;
  readonly nanos?: number;
}

/** Objects as proto-loader reads them → requests of the methods: durations become text, the mask a list. */
export function fromProto(request: Written): Written {
  const durationsToText = (fields: Written) => mapDurations(fields, (value) => textOf(value as ProtoDuration));
  const mapped = durationsToText(request);
  const nested = ['topic', 'subscription'].filter((field) => typeof request[field] === 'object');
  return {
    ...mapped,
    ...Object.fromEntries(nested.map((field) => [field, durationsToText(request[field] as Written)])),
    ...(request.updateMask ? { updateMask: (request.updateMask as { paths?: string[] }).paths ?? [] } : {}),
  };
}

/** Answers of the methods → objects that proto-loader writes. */
export function toProto(answer: Written): Written {
  const durationsToProto = (fields: Written) => mapDurations(fields, (value) => durationOf(value as string));
  if (Array.isArray(answer.receivedMessages)) {
    return { receivedMessages: (answer.receivedMessages as ReceivedMessage[]).map(receivedToProto) };
  }
  const lists = ['topics', 'subscriptions'].filter((field) => Array.isArray(answer[field]));
  const mapped = lists.map((field) => [
    field,
    (answer[field] as (Written | string)[]).map((item) => (typeof item === 'string' ? item : durationsToProto(item))),
  ]);
  return { ...durationsToProto(answer), ...Object.fromEntries(mapped) };
}

/** A received message as it goes into a gRPC answer. */
export function receivedToProto({ message, ...received }: ReceivedMessage): Written {
  const { publishTimeMs, ...rest } = message;
  const publishTime = { seconds: Math.floor(publishTimeMs / 1000), nanos: (publishTimeMs % 1000) * 1_000_000 };
  return { ...received, message: { ...rest, publishTime } satisfies WrittenMessage & Written };
}

/** Topics and subscriptions have durations at these places and nowhere else. */
function mapDurations(fields: Written, map: (value: unknown) => unknown): Written {
  const at = (object: Written, names: readonly string[]) =>
    Object.fromEntries(
      Object.entries(object).map(([key, value]) => [key, names.includes(key) && value ? map(value) : value]),
    );
  const { retryPolicy, expirationPolicy, ...rest } = fields;
  return {
    ...at(rest, ['messageRetentionDuration']),
    ...(retryPolicy ? { retryPolicy: at(retryPolicy as Written, ['minimumBackoff', 'maximumBackoff']) } : {}),
    ...(expirationPolicy ? { expirationPolicy: at(expirationPolicy as Written, ['ttl']) } : {}),
  };
}

function textOf({ seconds = 0, nanos = 0 }: ProtoDuration): string {
  const fraction = nanos ? `.${String(nanos).padStart(9, '0')}` : '';
  return `${seconds}${fraction}s`;
}

function durationOf(text: string): ProtoDuration {
  const [seconds = '0', fraction = ''] = text.replace('s', '').split('.');
  return { seconds: Number(seconds), nanos: Number(fraction.padEnd(9, '0')) };
}
