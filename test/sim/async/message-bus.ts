import { Backlog } from '../../../infra/local/pubsub/broker/backlog.ts';
import { Broker } from '../../../infra/local/pubsub/broker/broker.ts';
import { Database } from '../../../infra/local/pubsub/broker/database.ts';
import type { NewMessage } from '../../../infra/local/pubsub/broker/message.ts';
import { Catalog } from '../../../infra/local/pubsub/catalog/catalog.ts';
import { readSubscription } from '../../../infra/local/pubsub/catalog/subscription.ts';
import { readTopic } from '../../../infra/local/pubsub/catalog/topic.ts';
import { PushFlow, type SendPush } from '../../../infra/local/pubsub/push/push-flow.ts';
import type { VirtualClock } from '../virtual-clock.ts';

export const requestTopic = 'projects/p/topics/requests';
/** For messages whose windows are short: with a subscription of its own, they do not stand behind all others. */
export const urgentTopic = 'projects/p/topics/urgent';
/** A second lane, for windows between. */
export const soonTopic = 'projects/p/topics/soon';
export const retryTopic = 'projects/p/topics/retries';
export const resultTopic = 'projects/p/topics/results';
export const deadLetterTopic = 'projects/p/topics/dead-letters';
/** As `infra` creates it: the longest that Pub/Sub allows, and its shortest pause. */
const subscriptions = ['requests', 'urgent', 'soon', 'retries'].map((id) => ({
  name: `projects/p/subscriptions/${id}`,
  topic: `projects/p/topics/${id}`,
  ackDeadlineSeconds: 600,
  pushConfig: { pushEndpoint: 'http://function' },
  retryPolicy: { minimumBackoff: '1s', maximumBackoff: '60s' },
}));

/** The local Pub/Sub's broker and push flow on the virtual clock. What nothing subscribes to is taken and forgotten. */
export class MessageBus {
  readonly #broker: Broker;
  readonly #catalog: Catalog;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, random: () => number) {
    const database = new Database(undefined, clock);
    this.#clock = clock;
    this.#catalog = new Catalog(database);
    const knobs = { duplicateRate: 0, delayMs: 0, random };
    const broker = new Broker(database, new Backlog(database), this.#catalog, clock, knobs, Number.MAX_SAFE_INTEGER);
    this.#broker = broker;
    for (const name of [requestTopic, urgentTopic, soonTopic, retryTopic, resultTopic, deadLetterTopic]) {
      this.#catalog.addTopic(readTopic({ name }));
    }
    for (const each of subscriptions) this.#catalog.addSubscription(readSubscription(each));
  }

  /** Resolves once it is stored. */
  async publish(topic: string, ...messages: readonly NewMessage[]): Promise<void> {
    this.#broker.publish(topic, messages);
    await this.#broker.committed();
  }

  /** Begins to push requests and retries. */
  push(send: SendPush): void {
    for (const { name } of subscriptions) {
      new PushFlow(this.#catalog.subscription(name), {
        broker: this.#broker,
        clock: this.#clock,
        send,
        losesAnswer: () => false,
        signal: new AbortController().signal,
      });
    }
  }
}
