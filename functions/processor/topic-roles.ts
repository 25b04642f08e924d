/** The topics that the messages of one subscription go to, as they were configured: an id, or `projects/P/topics/T`. */
export interface Topics {
  readonly resultTopic: string;
  readonly retryTopic: string;
  readonly deadLetterTopic: string | undefined;
}

/** Topics of one subscription, or of all that have none of their own: then `owner` is empty. */
export interface OwnedTopics extends Topics {
  readonly owner: string;
}

interface Role {
  readonly variable: string;
  readonly owner: string;
  readonly topic: string;
}

/** Topics that must work for a message of the subscription to be worth a call. */
export function topicsOf({ resultTopic, retryTopic, deadLetterTopic }: Topics): string[] {
  return [resultTopic, retryTopic, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])];
}

/**
 * What is wrong with topics that have two roles, also for different subscriptions: a result or a dead letter on a retry topic comes back as
 * a request, without end, and no consumer can tell results from dead letters. Each pair of variables is told once.
 * @param projectId project of topics that are given by their id alone; undefined where the credentials will say it: then an id counts as
 * every project's
 */
export function topicFaults(owned: readonly OwnedTopics[], projectId: string | undefined): string[] {
  const distinct = new Map(
    owned
      .flatMap(rolesOf)
      .toReversed()
      .map((role) => [`${role.variable} ${role.topic}`, role]),
  );
  const roles = [...distinct.values()].toReversed();
  const faults = new Map<string, string>();
  for (const [index, one] of roles.entries()) {
    for (const other of roles.slice(index + 1)) {
      if (one.variable === other.variable || !areOne(one.topic, other.topic, projectId)) continue;
      const pair = [one.variable, other.variable].sort().join();
      if (!faults.has(pair)) faults.set(pair, faultOf(one, other, projectId));
    }
  }
  return [...faults.values()];
}

function rolesOf({ owner, resultTopic, retryTopic, deadLetterTopic }: OwnedTopics): Role[] {
  return [
    { variable: 'RESULT_TOPIC', owner, topic: resultTopic },
    { variable: 'RETRY_TOPIC', owner, topic: retryTopic },
    ...(deadLetterTopic === undefined ? [] : [{ variable: 'DEAD_LETTER_TOPIC', owner, topic: deadLetterTopic }]),
  ];
}

function areOne(one: string, other: string, projectId: string | undefined): boolean {
  if (fullName(one, projectId) === fullName(other, projectId)) return true;
  const isOneUnknown = projectId === undefined && isId(one) !== isId(other);
  return isOneUnknown && one.split('/').at(-1) === other.split('/').at(-1);
}

function faultOf(one: Role, other: Role, projectId: string | undefined): string {
  const isKnown = fullName(one.topic, projectId) === fullName(other.topic, projectId);
  const remedy = isKnown ? '' : ' (where they are of different projects, set GOOGLE_CLOUD_PROJECT)';
  return `${named(one)} and ${named(other)} must be different topics, not both ${JSON.stringify(one.topic)}${remedy}`;
}

function named({ variable, owner }: Role): string {
  return owner === '' ? variable : `${variable} of subscription ${owner}`;
}

function fullName(topic: string, projectId: string | undefined): string {
  return isId(topic) && projectId !== undefined ? `projects/${projectId}/topics/${topic}` : topic;
}

function isId(topic: string): boolean {
  return !topic.includes('/');
}
