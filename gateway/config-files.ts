import { readNamedFile } from '../shared/runtime/config/named-file.ts';
import { ConfigError, type Environment, type Faults } from '../shared/runtime/config/read-config.ts';
import type { Parsed } from '../shared/runtime/config/variables.ts';
import { parseApiKeys } from './admit/api-keys.ts';
import { parseObjectiveFile } from './admit/objectives.ts';
import { parseBearerKey } from './discovery/bearer-key.ts';
import { parseEndpointFile } from './discovery/endpoint-list.ts';

/** What the variables that name files are read by. */
const parsers: Readonly<Record<string, (text: string) => Parsed<unknown>>> = {
  ENDPOINTS_FILE: parseEndpointFile,
  OBJECTIVES_FILE: parseObjectiveFile,
  API_KEYS_FILE: parseApiKeys,
  ENDPOINTS_API_KEY_FILE: parseBearerKey,
};

/** Reads each file that the environment names once, so that the faults of all are told together. */
export function checkFiles(env: Environment, faults: Faults): void {
  for (const [variable, parse] of Object.entries(parsers)) {
    const path = env[variable]?.trim();
    if (path) faults.of(() => readConfigFile(variable, path, parse));
  }
}

/** @throws {ConfigError} naming the variable, when the file cannot be read or holds what it must not. */
export function readConfigFile<T>(
  variable: string,
  path: string,
  parse: (text: string) => Parsed<T>,
): { readonly text: string; readonly value: T } {
  const text = readNamedFile(variable, path);
  const parsed = parse(text);
  if ('fault' in parsed) throw new ConfigError([`${variable}: ${path} ${parsed.fault}`]);
  return { text, value: parsed.value };
}
