import type { Topic } from '@google-cloud/pubsub';
import type { Attributes } from '../../../shared/pubsub/message-attributes.ts';
import type { CheckedLine } from './check-lines.ts';
import type { PublishedLine } from './journal.ts';
import { readRequestLines } from './request-lines.ts';

/** Which lines are published, and how. */
export interface PublishOrder {
  readonly topic: Topic;
  readonly file: string;
  /** The lines as they were checked. */
  readonly lines: ReadonlyMap<number, CheckedLine>;
  readonly attributesOf: (line: number, bringsId: boolean) => Attributes;
  readonly isNew: (line: number) => boolean;
  readonly confirmed: (published: PublishedLine) => void;
}

const mostUnconfirmed = 1000;
const mostUnconfirmedBytes = 64 * 1024 * 1024;

/**
 * Publishes every line that is new, in the order of the file, until `signal` ends it. Waits until what it has sent is confirmed.
 * @throws {Error} naming the line that cannot be published, or has changed since it was checked
 */
export async function publishLines(order: PublishOrder, signal: AbortSignal): Promise<void> {
  const { topic, file, lines, attributesOf, isNew, confirmed } = order;
  const unconfirmed = new Set<Promise<void>>();
  let unconfirmedBytes = 0;
  let settled = Promise.withResolvers<void>();
  let fault: Error | undefined;
  const publish = async (line: number, hash: string, data: Buffer, attributes: Attributes) => {
    try {
      const messageId = await topic.publishMessage({ data, attributes }).catch((error: Error) => {
        throw new Error(`line ${line} cannot be published to ${topic.name}: ${error.message}`);
      });
      confirmed({ messageId, line, hash });
    } catch (error) {
      fault ??= error as Error;
    }
  };
  for await (const { number, data, hash } of readRequestLines(file)) {
    if (signal.aborted || fault) break;
    if (!isNew(number)) continue;
    const checked = lines.get(number);
    if (!data || checked?.hash !== hash) {
      fault = new Error(`line ${number} of ${file} has changed since it was checked`);
      break;
    }
    unconfirmedBytes += data.length;
    const publishing = publish(number, hash, data, attributesOf(number, checked.bringsId)).finally(() => {
      unconfirmed.delete(publishing);
      unconfirmedBytes -= data.length;
      settled.resolve();
    });
    unconfirmed.add(publishing);
    while (unconfirmed.size >= mostUnconfirmed || unconfirmedBytes >= mostUnconfirmedBytes) {
      settled = Promise.withResolvers();
      await settled.promise;
    }
  }
  await Promise.all(unconfirmed);
  if (fault) throw fault;
  if (!signal.aborted && lines.keys().some(isNew)) throw new Error(`${file} has become shorter since it was checked`);
}
