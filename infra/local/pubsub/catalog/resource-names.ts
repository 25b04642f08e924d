import { invalid } from '../api/refusal.ts';

/** What the `topic` of a subscription reads once that topic is deleted. */
export const deletedTopic = '_deleted-topic_';

/** The collections of a project. */
export type Collection = 'topics' | 'subscriptions';

/**
 * Checks `projects/P/topics/T` or `projects/P/subscriptions/S`.
 * Source: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function resourceName(collection: Collection, name: unknown): string {
  const match = typeof name === 'string' ? /^projects\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(name) : null;
  const id = match?.[3] ?? '';
  const legal = /^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/.test(id) && !id.startsWith('goog');
  if (match?.[2] === collection && legal) return name as string;
  throw invalid(
    `Invalid [${collection}] name: ${JSON.stringify(name ?? '')}. It must be projects/P/${collection}/ID, the ID a letter followed by 2 to 254 of A-Z a-z 0-9 . _ ~ + % -, not beginning with goog.`,
  );
}

/** @throws {Refusal} INVALID_ARGUMENT */
export function projectName(name: unknown): string {
  if (typeof name === 'string' && /^projects\/[^/]+$/.test(name)) return name;
  throw invalid(`Invalid project name: ${JSON.stringify(name ?? '')}. It must be projects/P.`);
}

/** `projects/P/topics/T` → project P and id T. */
export function nameParts(name: string): { readonly project: string; readonly id: string } {
  const [, project = '', , id = ''] = name.split('/');
  return { project, id };
}
