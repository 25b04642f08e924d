import type { PubSub, Subscription } from '@google-cloud/pubsub';

/** Source: https://cloud.google.com/pubsub/docs/reference/error-codes */
const [notFound, alreadyExists] = [5, 6];
/** How long results wait for a run that goes on: close to the longest that Pub/Sub keeps them, and below its expiry of an unused subscription (31 days). */
const retentionSeconds = 30 * 86_400;
const deletedTopic = '_deleted-topic_';

/**
 * The full name of the topic that results come to.
 * @param subscription any subscription of that topic; without one, the topic is named like `requestTopic` with `results` for `requests`
 * @throws {Error} when the subscription is not there, or its topic is not
 */
export async function resultTopicOf(
  client: PubSub,
  requestTopic: string,
  subscription: string | undefined,
): Promise<string> {
  if (subscription === undefined) {
    if (!/requests$/.test(requestTopic)) {
      throw new Error(
        `--topic ${requestTopic} does not tell the result topic: name a subscription of that with --subscription`,
      );
    }
    return requestTopic.replace(/requests$/, 'results');
  }
  const [{ topic }] = await client
    .subscription(subscription)
    .getMetadata()
    .catch((error: PubSubError) => {
      if (error.code === notFound)
        throw new Error(`there is no subscription ${subscription} in project ${client.projectId}`);
      throw new Error(`cannot read subscription ${subscription}: ${error.message}`);
    });
  if (!topic || topic === deletedTopic) throw new Error(`the topic of subscription ${subscription} has been deleted`);
  return topic;
}

/**
 * The submission's own subscription of the result topic, which gets the results of its job alone.
 *
 * One subscription that several runs read would not do: Pub/Sub gives each message to one of the readers, and a result given back with a
 * nack may come to the same wrong reader again, without end once its owner has stopped. Filtered by job, each run sees its own results,
 * and nothing is taken from other readers of the topic. It outlives the run, so that results are kept until the submission goes on.
 */
export async function openResultSubscription(
  client: PubSub,
  topic: string,
  job: string,
): Promise<{ readonly subscription: Subscription; readonly created: boolean }> {
  const name = `submit-${job}`;
  try {
    const [subscription] = await client.topic(topic).createSubscription(name, {
      filter: `attributes.job = ${JSON.stringify(job)}`,
      messageRetentionDuration: { seconds: retentionSeconds },
    });
    return { subscription, created: true };
  } catch (error) {
    const { code, message } = error as PubSubError;
    if (code === alreadyExists) return { subscription: client.subscription(name), created: false };
    if (code === notFound) {
      throw new Error(
        `there is no topic ${topic} in project ${client.projectId}, where results would come to: name a subscription of the result topic with --subscription`,
      );
    }
    throw new Error(`cannot create subscription ${name} on topic ${topic}: ${message}`);
  }
}

interface PubSubError extends Error {
  readonly code?: number;
}
