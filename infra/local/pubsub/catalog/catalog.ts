import { Refusal } from '../api/refusal.ts';
import type { Database } from '../broker/database.ts';
import type { RetryPolicyMs } from '../broker/retry-backoff.ts';
import { compileFilter, type Filter } from './filter.ts';
import { deletedTopic } from './resource-names.ts';
import { retentionMs, retryPolicyMs, type Subscription } from './subscription.ts';
import type { Topic } from './topic.ts';

/** A subscription and what is read out of it once. */
export interface Entry {
  readonly id: number;
  readonly config: Subscription;
  readonly matches: Filter;
  readonly retry: RetryPolicyMs | undefined;
  readonly retentionMs: number;
}

/** Topics and subscriptions; small, so all of them are in memory beside the database. */
export class Catalog {
  readonly #database: Database;
  readonly #topics = new Map<string, Topic>();
  readonly #subscriptions = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();

  constructor(database: Database) {
    this.#database = database;
    const read = (table: string) => database.sqlite.prepare(`SELECT * FROM ${table}`).all();
    for (const row of read('topics')) this.#topics.set(row.name as string, JSON.parse(row.config as string));
    for (const row of read('subscriptions')) {
      this.#remember(row.id as number, JSON.parse(row.config as string));
    }
  }

  /** Calls `listener` after every change of a subscription; the answer ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws {Refusal} NOT_FOUND */
  topic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (!topic) throw notFound(name);
    return topic;
  }

  hasTopic(name: string): boolean {
    return this.#topics.has(name);
  }

  topicNames(project: string): string[] {
    return namesIn(this.#topics, `${project}/topics/`);
  }

  /** @throws {Refusal} ALREADY_EXISTS */
  addTopic(topic: Topic): void {
    if (this.#topics.has(topic.name)) throw alreadyExists(topic.name);
    this.#writeTopic(topic);
  }

  /** @throws {Refusal} NOT_FOUND */
  replaceTopic(topic: Topic): void {
    this.topic(topic.name);
    this.#writeTopic(topic);
  }

  /** Its subscriptions stay, without a topic. @throws {Refusal} NOT_FOUND */
  removeTopic(name: string): void {
    this.topic(name);
    for (const { config } of this.subscriptionsOf(name)) this.replaceSubscription({ ...config, topic: deletedTopic });
    this.#run('DELETE FROM topics WHERE name = ?', name);
    this.#topics.delete(name);
  }

  /** @throws {Refusal} NOT_FOUND */
  subscription(name: string): Entry {
    const entry = this.#subscriptions.get(name);
    if (!entry) throw notFound(name);
    return entry;
  }

  subscriptions(): Entry[] {
    return [...this.#subscriptions.values()];
  }

  subscriptionsOf(topic: string): Entry[] {
    return this.subscriptions().filter(({ config }) => config.topic === topic);
  }

  subscriptionNames(project: string): string[] {
    return namesIn(this.#subscriptions, `${project}/subscriptions/`);
  }

  /** @throws {Refusal} ALREADY_EXISTS, or NOT_FOUND for its topics */
  addSubscription(config: Subscription): void {
    if (this.#subscriptions.has(config.name)) throw alreadyExists(config.name);
    this.topic(config.topic);
    if (config.deadLetterPolicy) this.topic(config.deadLetterPolicy.deadLetterTopic);
    const text = JSON.stringify(config);
    const { lastInsertRowid } = this.#run('INSERT INTO subscriptions (name, config) VALUES (?, ?)', config.name, text);
    this.#remember(Number(lastInsertRowid), config);
    this.#changed();
  }

  /** @throws {Refusal} NOT_FOUND */
  replaceSubscription(config: Subscription): void {
    const { id } = this.subscription(config.name);
    this.#run('UPDATE subscriptions SET config = ? WHERE id = ?', JSON.stringify(config), id);
    this.#remember(id, config);
    this.#changed();
  }

  /** Its deliveries stay for others to clear away. @throws {Refusal} NOT_FOUND */
  removeSubscription(name: string): Entry {
    const entry = this.subscription(name);
    this.#run('DELETE FROM subscriptions WHERE id = ?', entry.id);
    this.#subscriptions.delete(name);
    this.#changed();
    return entry;
  }

  #remember(id: number, config: Subscription): void {
    const matches = compileFilter(config.filter ?? '');
    const entry = { id, config, matches, retry: retryPolicyMs(config), retentionMs: retentionMs(config) };
    this.#subscriptions.set(config.name, entry);
  }

  #writeTopic(topic: Topic): void {
    this.#run('INSERT OR REPLACE INTO topics VALUES (?, ?)', topic.name, JSON.stringify(topic));
    this.#topics.set(topic.name, topic);
  }

  #run(sql: string, ...values: (string | number)[]) {
    this.#database.joinGroup();
    return this.#database.sqlite.prepare(sql).run(...values);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function namesIn(map: ReadonlyMap<string, unknown>, prefix: string): string[] {
  return [...map.keys()].filter((name) => name.startsWith(prefix)).sort();
}

function notFound(name: string): Refusal {
  return new Refusal('NOT_FOUND', `Resource not found: ${name}.`);
}

function alreadyExists(name: string): Refusal {
  return new Refusal('ALREADY_EXISTS', `Resource already exists: ${name}.`);
}
