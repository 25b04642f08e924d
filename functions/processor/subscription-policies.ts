import * as z from 'zod/mini';
import { readJson } from '../../shared/runtime/config/json-text.ts';
import {
  ConfigError,
  type Environment,
  Faults,
  readConfig,
  type Values,
} from '../../shared/runtime/config/read-config.ts';
import { text } from '../../shared/runtime/config/variables.ts';
import { repeatedKeys } from '../../shared/runtime/json-spans.ts';
import { functionSchema, oneCredential, policySchema } from './config.ts';
import { topicFaults } from './topic-roles.ts';

const subscriptionSchema = {
  ...policySchema,
  tenant: text('TENANT', { meaning: 'tenant of every message of the subscription' }),
} as const;

/** What holds for all subscriptions together. */
const commonSchema = {
  projectId: functionSchema.projectId,
  retrySubscriptions: functionSchema.retrySubscriptions,
} as const;

/** How the messages of one subscription are handled. */
export type SubscriptionPolicy = Values<typeof subscriptionSchema>;

/** The policies of all subscriptions. */
export interface SubscriptionPolicies {
  /** By the subscription's full name or its id; the environment's where the file has none. */
  of(subscription: string): SubscriptionPolicy;
  /** The subscription's id, by its full name or its id, where the file names it; else empty: a push may say any name. */
  queueOf(subscription: string): string;
  /** Whether the subscription, by its full name or its id, is one of `RETRY_SUBSCRIPTION`: what its messages say of retries is believed. */
  bringsRetries(subscription: string): boolean;
  readonly all: readonly SubscriptionPolicy[];
}

/** The id in a subscription's or a topic's full name; an id stays as it is. */
export function resourceId(name: string): string {
  return name.split('/').at(-1) ?? '';
}

/**
 * Reads `SUBSCRIPTIONS_FILE`'s text over the environment.
 * @throws {ConfigError} naming every fault, each with its subscription.
 */
export function readPolicies(file: string | undefined, env: Environment): SubscriptionPolicies {
  const { TENANT: _, ...base } = env;
  const faults = new Faults();
  const common = faults.of(() => readConfig(subscriptionSchema, base));
  const overrides = file === undefined ? [] : readFile(file, base, faults);
  const named = faults.of(() => readConfig(commonSchema, env));
  if (!common || !named || faults.found.length > 0) throw new ConfigError(faults.found);
  const owned = [['', common] as const, ...overrides].map(([owner, policy]) => ({ owner, ...policy }));
  const shared = topicFaults(owned, named.projectId);
  if (shared.length > 0) throw new ConfigError(shared);
  const byId = new Map<string, SubscriptionPolicy>(overrides.map(([name, policy]) => [resourceId(name), policy]));
  const all = [common, ...byId.values()];
  const retrySubscriptions = new Set(named.retrySubscriptions ?? all.map(({ retryTopic }) => resourceId(retryTopic)));
  return {
    of: (subscription) => byId.get(resourceId(subscription)) ?? common,
    queueOf: (subscription) => (byId.has(resourceId(subscription)) ? resourceId(subscription) : ''),
    bringsRetries: (subscription) => retrySubscriptions.has(resourceId(subscription)),
    all,
  };
}

function readFile(
  text: string,
  base: Environment,
  faults: Faults,
): (readonly [id: string, policy: SubscriptionPolicy])[] {
  const { file, entry: shape } = createSchemas();
  const entries = faults.of(() => {
    const read = readJson(text, file);
    if ('fault' in read) throw new ConfigError([`SUBSCRIPTIONS_FILE ${read.fault}`]);
    const twice = namedTwice(text, Object.keys(read.value));
    if (twice.length > 0) throw new ConfigError([`SUBSCRIPTIONS_FILE must name each subscription once, not ${twice}`]);
    return read.value;
  });
  return Object.entries(entries ?? {}).flatMap(([id, entry]) => {
    const policy = faults.of(() => readEntry(id, entry, shape, base, faults.found));
    return policy ? [[id, policy] as const] : [];
  });
}

/** Subscriptions that the file names more than once, by their ids, each with how it is named again. */
function namedTwice(text: string, names: readonly string[]): string {
  const byId = Map.groupBy(names, resourceId);
  const byTwoNames = [...byId.values()].filter((same) => same.length > 1).map((same) => same.join(' and '));
  return [...repeatedKeys(Buffer.from(text)).map((name) => `${name} twice`), ...byTwoNames].join(', ');
}

/** Not at the top of the module: building them is a hundredth of a cold start, which most functions need not pay. */
function createSchemas() {
  const plain = z.union([z.string(), z.number()]);
  const written = z.optional(z.union([plain, z.array(plain)], 'must be a text, a number or a list of texts'));
  const variables = Object.values(subscriptionSchema).map(({ name }) => [name, written] as const);
  return {
    file: z.record(z.string(), z.unknown(), 'must hold a JSON object: subscription id → object of variables'),
    entry: z.strictObject(Object.fromEntries(variables), {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? `${issue.keys.join(', ')} cannot be set for a subscription`
          : 'must be an object of variables',
    }),
  };
}

/** @throws {ConfigError} with what is wrong with the entry itself, apart from what is known to be wrong around it. */
function readEntry(
  id: string,
  entry: unknown,
  shape: z.ZodMiniType,
  base: Environment,
  known: readonly string[],
): SubscriptionPolicy {
  const issues = shape.safeParse(entry).error?.issues ?? [];
  const own = new Faults();
  const unwritable = new Set(issues.map(({ path }) => path[0]));
  const policy = own.of(() =>
    readConfig(subscriptionSchema, over(base, asEnvironment(entry, unwritable)), [oneCredential]),
  );
  const faults = [
    ...issues.map(({ path, message }) => [...path.slice(0, 1), message].join(' ')),
    ...own.found.filter((fault) => !known.includes(fault)),
  ];
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `SUBSCRIPTIONS_FILE, ${id}: ${fault}`));
  if (!policy) throw new ConfigError(known);
  return policy;
}

const credentials = ['INFERENCE_GATEWAY_API_KEY_FILE', 'INFERENCE_GATEWAY_AUDIENCE'];

/** The subscription's variables over the environment's. A credential of either kind takes the place of the other. */
function over(base: Environment, own: Environment): Environment {
  const isCredential = ([name]: readonly [string, unknown]): boolean => credentials.includes(name);
  const hasCredential = Object.entries(own).some(isCredential);
  const kept = Object.entries(base).filter((entry) => !(hasCredential && isCredential(entry)));
  return { ...Object.fromEntries(kept), ...own };
}

/** Values as they would be written in the environment: numbers as digits, lists with commas. */
function asEnvironment(entry: unknown, unwritable: ReadonlySet<unknown>): Environment {
  const written = Object.entries(entry ?? {}).filter(([name]) => !unwritable.has(name));
  return Object.fromEntries(written.map(([name, value]) => [name, String(value)]));
}
