import { invalid } from '../api/refusal.ts';

/** Names one delivery and its attempt; it survives a restart of the server, as the delivery does. */
export interface AckId {
  readonly deliveryId: number;
  readonly attempt: number;
}

/** An ack id as clients see it. */
export function writeAckId({ deliveryId, attempt }: AckId): string {
  return `${deliveryId}-${attempt}`;
}

/** @throws {Refusal} INVALID_ARGUMENT */
export function readAckId(text: string): AckId {
  const match = /^(\d{1,16})-(\d{1,9})$/.exec(text);
  if (!match) throw invalid('You have passed an ack ID that is malformed.');
  return { deliveryId: Number(match[1]), attempt: Number(match[2]) };
}
