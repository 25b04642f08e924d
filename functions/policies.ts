import { ConfigError, type Environment, readConfig, type Values } from '../shared/config/read-config.ts';
import { text } from '../shared/config/variables.ts';
import { policySchema } from './config.ts';

const subscriptionSchema = {
  ...policySchema,
  tenant: text('TENANT', { meaning: 'tenant of every message of the subscription' }),
} as const;

/** How the messages of one subscription are handled. */
export type Policy = Values<typeof subscriptionSchema>;

const names = new Set(Object.values(subscriptionSchema).map((variable) => variable.name));

export interface Policies {
  /** By the subscription's full name or its id; the environment's where the file has none. */
  of(subscription: string): Policy;
  readonly all: readonly Policy[];
}

/**
 * Reads `SUBSCRIPTIONS_FILE`'s text over the environment.
 * @throws {ConfigError} naming every fault, each with its subscription.
 */
export function readPolicies(file: string | undefined, env: Environment): Policies {
  const { TENANT: _, ...base } = env;
  const common = readConfig(subscriptionSchema, base);
  const faults: string[] = [];
  const overrides = Object.entries(file === undefined ? {} : parseFile(file)).map(([id, entry]) => {
    try {
      return [id, readConfig(subscriptionSchema, { ...base, ...asEnvironment(entry) })] as const;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      faults.push(...error.faults.map((fault) => `SUBSCRIPTIONS_FILE, ${id}: ${fault}`));
      return [id, common] as const;
    }
  });
  if (faults.length > 0) throw new ConfigError(faults);
  const byName = new Map<string, Policy>(overrides);
  return {
    of: (subscription) => byName.get(subscription) ?? byName.get(subscription.split('/').at(-1) ?? '') ?? common,
    all: [common, ...byName.values()],
  };
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

/** Values as they would be written in the environment: numbers as digits, lists with commas. */
function asEnvironment(entry: unknown): Environment {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new ConfigError(['must be an object of variables']);
  }
  const unknown = Object.keys(entry).filter((name) => !names.has(name));
  if (unknown.length > 0) throw new ConfigError([`${unknown.join(', ')} cannot be set for a subscription`]);
  return Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, String(value)]));
}
