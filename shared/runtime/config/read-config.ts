import { misspeltText, misspeltVariables } from './misspelt.ts';
import type { Variable } from './variables.ts';

/** Inside name → variable. */
export type Schema = Readonly<Record<string, Variable<unknown>>>;

/** Inside name → value, as it was read. */
export type Values<S extends Schema> = { readonly [K in keyof S]: S[K] extends Variable<infer T> ? T : never };

/** A rule over several variables; it runs when each of `needs` could be read. Returns the fault, or undefined. */
export interface Rule<S extends Schema> {
  readonly needs: readonly (keyof S & string)[];
  readonly fault: (values: Values<S>) => string | undefined;
}

/** Variables as a process gets them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every fault of an environment at once, one a line, each beginning with the variable's name. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Gathers the faults of several readings, each once. */
export class Faults {
  readonly #found = new Set<string>();

  /** Undefined when `read` met faults. */
  of<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const fault of error.faults) this.#found.add(fault);
      return undefined;
    }
  }

  get found(): readonly string[] {
    return [...this.#found];
  }
}

/**
 * Reads every variable of `schema` from `env`. An empty value counts as absent.
 * @throws {ConfigError} naming every fault.
 */
export function readConfig<S extends Schema>(schema: S, env: Environment, rules: readonly Rule<S>[] = []): Values<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const unread = new Set<string>();
  for (const [key, variable] of Object.entries(schema)) {
    const raw = env[variable.name]?.trim() || variable.default;
    if (raw === undefined) {
      values[key] = undefined;
      if (!variable.required) continue;
      faults.push(`${variable.name} is required: ${variable.meaning}`);
      unread.add(key);
      continue;
    }
    const parsed = variable.read(raw);
    if ('value' in parsed) {
      values[key] = parsed.value;
    } else {
      faults.push(`${variable.name} ${parsed.fault}, not ${JSON.stringify(withoutPassword(raw))}`);
      unread.add(key);
    }
  }
  for (const rule of rules) {
    if (rule.needs.some((key) => unread.has(key))) continue;
    const fault = rule.fault(values as Values<S>);
    if (fault !== undefined) faults.push(fault);
  }
  if (faults.length > 0) throw new ConfigError([...faults, ...misspeltVariables(schema, env).map(misspeltText)]);
  return Object.freeze(values) as Values<S>;
}

/**
 * A value as a fault may show it. What stands between a URL's scheme and the last `@` is a user and perhaps a password, whatever characters
 * they have and also where the rest is no URL; what follows its path may be a key.
 */
function withoutPassword(raw: string): string {
  const withoutUser = raw.replace(/^([a-z][\w+.-]*:\/\/)?.*@/is, '$1***@');
  return withoutUser.includes('://') ? withoutUser.replace(/(?<=[?#]).*/s, '***') : withoutUser;
}
