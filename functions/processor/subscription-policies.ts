import {
  ConfigError,
  type Environment,
  Faults,
  readConfig,
  type Values,
} from '../../shared/runtime/config/read-config.ts';
import { text } from '../../shared/runtime/config/variables.ts';
import { policySchema } from './config.ts';

const subscriptionSchema = {
  ...policySchema,
  tenant: text('TENANT', { meaning: 'tenant of every message of the subscription' }),
} as const;

/** How the messages of one subscription are handled. */
export type SubscriptionPolicy = Values<typeof subscriptionSchema>;

const names = new Set(Object.values(subscriptionSchema).map((variable) => variable.name));

/** The policies of all subscriptions. */
export interface SubscriptionPolicies {
  /** By the subscription's full name or its id; the environment's where the file has none. */
  of(subscription: string): SubscriptionPolicy;
  readonly all: readonly SubscriptionPolicy[];
}

/**
 * Reads `SUBSCRIPTIONS_FILE`'s text over the environment.
 * @throws {ConfigError} naming every fault, each with its subscription.
 */
export function readPolicies(file: string | undefined, env: Environment): SubscriptionPolicies {
  const { TENANT: _, ...base } = env;
  const faults = new Faults();
  const common = faults.of(() => readConfig(subscriptionSchema, base));
  const entries = Object.entries(faults.of(() => (file === undefined ? {} : parseFile(file))) ?? {});
  const overrides = entries.flatMap(([id, entry]) => {
    const policy = faults.of(() => readEntry(id, entry, base, faults.found));
    return policy ? [[id, policy] as const] : [];
  });
  if (!common || faults.found.length > 0) throw new ConfigError(faults.found);
  const byName = new Map<string, SubscriptionPolicy>(overrides);
  return {
    of: (subscription) => byName.get(subscription) ?? byName.get(subscription.split('/').at(-1) ?? '') ?? common,
    all: [common, ...byName.values()],
  };
}

/** @throws {ConfigError} with what is wrong with the entry itself, apart from what is known to be wrong around it. */
function readEntry(id: string, entry: unknown, base: Environment, known: readonly string[]): SubscriptionPolicy {
  const own = new Faults();
  own.of(() => checkEntry(entry));
  const policy = own.of(() => readConfig(subscriptionSchema, { ...base, ...asEnvironment(entry) }));
  const faults = own.found.filter((fault) => !known.includes(fault));
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `SUBSCRIPTIONS_FILE, ${id}: ${fault}`));
  if (!policy) throw new ConfigError(known);
  return policy;
}

function parseFile(file: string): object {
  const parsed = parseJson(file);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new ConfigError(['SUBSCRIPTIONS_FILE must hold a JSON object: subscription id → object of variables']);
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(file);
  } catch {
    return undefined;
  }
}

function checkEntry(entry: unknown): void {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new ConfigError(['must be an object of variables']);
  }
  const unknown = Object.keys(entry).filter((name) => !names.has(name));
  const unwritable = Object.entries(entry).filter(([name, value]) => names.has(name) && !isWritable(value));
  const faults = [
    ...(unknown.length > 0 ? [`${unknown.join(', ')} cannot be set for a subscription`] : []),
    ...unwritable.map(([name]) => `${name} must be a text, a number or a list of texts`),
  ];
  if (faults.length > 0) throw new ConfigError(faults);
}

/** Values as they would be written in the environment: numbers as digits, lists with commas. */
function asEnvironment(entry: unknown): Environment {
  const written = Object.entries(entry ?? {}).filter(([, value]) => isWritable(value));
  return Object.fromEntries(written.map(([name, value]) => [name, String(value)]));
}

function isWritable(value: unknown): boolean {
  return isPlain(value) || (Array.isArray(value) && value.every(isPlain));
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

/** Topics that must work for a message of the subscription to be worth a call. */
export function topicsOf({
  resultTopic,
  retryTopic,
  deadLetterTopic,
}: Pick<SubscriptionPolicy, 'resultTopic' | 'retryTopic' | 'deadLetterTopic'>): string[] {
  return [resultTopic, retryTopic, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])];
}
