import type { Message, PubSub } from '@google-cloud/pubsub';
import { readRequestLines } from './request-lines.ts';
import type { ResultFile } from './result-file.ts';
import { readTag, tagAttribute, writeTag } from './result-tag.ts';
import type { Submission } from './submission.ts';

export interface Exchange {
  readonly client: PubSub;
  readonly topic: string;
  readonly subscription: string;
  readonly submission: Submission;
  readonly results: ResultFile;
}

const mostUnconfirmed = 1000;

/** Publishes every request that is new, until `signal` ends it. @throws {Error} naming the line that cannot be published */
export async function publishRequests(exchange: Exchange, file: string, signal: AbortSignal): Promise<void> {
  const { client, submission, results } = exchange;
  const topic = client.topic(exchange.topic, { batching: { maxMessages: 100, maxMilliseconds: 10 } });
  const unconfirmed = new Set<Promise<void>>();
  let fault: Error | undefined;
  for await (const { number, data, key } of readRequestLines(file)) {
    if (signal.aborted || fault) break;
    if (!submission.isNew(key)) continue;
    const attributes = { [tagAttribute]: writeTag({ submission: submission.id, key }) };
    const confirmed = topic
      .publishMessage({ data, attributes })
      .then(() => {
        results.recordPublished(key);
        submission.confirmPublished(key);
      })
      .catch((error: Error) => {
        fault ??= new Error(`line ${number} cannot be published to ${exchange.topic}: ${error.message}`);
      })
      .finally(() => unconfirmed.delete(confirmed));
    unconfirmed.add(confirmed);
    if (unconfirmed.size >= mostUnconfirmed) await Promise.race(unconfirmed);
  }
  await Promise.all(unconfirmed);
  if (fault) throw fault;
}

/** Writes results as they come, each before its ack, until every request has one or `signal` ends it. */
export function collectResults(exchange: Exchange, signal: AbortSignal): Promise<void> {
  const { client, submission, results } = exchange;
  const subscription = client.subscription(exchange.subscription, { flowControl: { maxMessages: 1000 } });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = () => {
    if (submission.complete || signal.aborted) resolve();
  };
  subscription.on('message', (message: Message) => {
    if (signal.aborted) return message.nack();
    try {
      takeResult(message, submission, results);
    } catch (error) {
      return reject(error as Error);
    }
    message.ack();
    check();
  });
  subscription.on('error', (error: Error) => {
    reject(new Error(`cannot read results from ${exchange.subscription}: ${error.message}`));
  });
  signal.addEventListener('abort', check);
  check();
  return promise.finally(() => subscription.close());
}

function takeResult({ data, attributes }: Message, submission: Submission, results: ResultFile): void {
  const tag = readTag(attributes);
  const text = data.toString();
  const failed = attributes.status === 'failed';
  const verdict = submission.takeResult(tag, failed);
  if (verdict === 'first' && tag) results.writeResult(tag.key, failed, text);
  if (verdict === 'other') results.writeOther(text);
}
