import { parseBearerKey } from '../shared/runtime/config/bearer-key.ts';
import { type NamedFile, readNamedFile } from '../shared/runtime/config/named-file.ts';
import type { Environment, Faults } from '../shared/runtime/config/read-config.ts';
import type { Parsed } from '../shared/runtime/config/variables.ts';
import { type ApiKey, parseApiKeys } from './admit/api-keys.ts';
import { type ModelNames, parseModelNames } from './admit/model-names.ts';
import { type Objectives, parseObjectiveFile } from './admit/objectives.ts';
import { parseEndpointFile } from './discovery/endpoint-list.ts';
import type { EndpointAddress } from './endpoint/address.ts';

/** The files that the environment names, as they were read at the start; undefined where it names none. */
export interface ConfigFiles {
  readonly endpoints: NamedFile<readonly EndpointAddress[]> | undefined;
  readonly objectives: NamedFile<Objectives> | undefined;
  readonly apiKeys: NamedFile<readonly ApiKey[]> | undefined;
  readonly endpointsKey: NamedFile<string> | undefined;
  readonly models: NamedFile<ModelNames> | undefined;
}

/**
 * Reads each file once. What is wrong with them joins `faults`, so that all is told together.
 * `defaultObjective`: what the objectives file must have; undefined when it is not known.
 */
export function readConfigFiles(env: Environment, defaultObjective: string | undefined, faults: Faults): ConfigFiles {
  const read = <T>(variable: string, parse: (text: string) => Parsed<T>): NamedFile<T> | undefined => {
    const path = env[variable]?.trim();
    return path ? faults.of(() => readNamedFile(variable, path, parse)) : undefined;
  };
  return {
    endpoints: read('ENDPOINTS_FILE', parseEndpointFile),
    objectives: read('OBJECTIVES_FILE', (text) => {
      const parsed = parseObjectiveFile(text);
      if ('fault' in parsed || defaultObjective === undefined || parsed.value.has(defaultObjective)) return parsed;
      return { fault: `must have the default objective ${defaultObjective}` };
    }),
    apiKeys: read('API_KEYS_FILE', parseApiKeys),
    endpointsKey: read('ENDPOINTS_API_KEY_FILE', parseBearerKey),
    models: read('MODELS_FILE', parseModelNames),
  };
}
