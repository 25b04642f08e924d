import * as z from 'zod/mini';
import { readJson } from '../../shared/runtime/config/json-text.ts';
import type { Parsed } from '../../shared/runtime/config/variables.ts';

/** A client's key, by its hash alone, and what it may ask for. */
export interface ApiKey {
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Wins over the fairness-id header; undefined leaves the header's. */
  readonly tenant?: string | undefined;
  /** Names of the objectives it may use; undefined allows all. */
  readonly objectives?: readonly string[] | undefined;
}

const digest = 'a sha256 of 64 hexadecimal digits';
const names = 'a list of objective names, or none';

const apiKeyFile = z.array(
  z.object(
    {
      sha256: z.string(digest).check(z.regex(/^[0-9a-fA-F]{64}$/, digest), z.toLowerCase()),
      tenant: z.optional(z.string('a text as tenant, or none')),
      objectives: z.optional(z.array(z.string(names), names)),
    },
    'an object of sha256, tenant and objectives',
  ),
  'must be a JSON array of {"sha256","tenant","objectives"}',
);

/** Reads `[{"sha256":"…","tenant":"acme","objectives":["standard"]}]`. */
export function parseApiKeys(text: string): Parsed<readonly ApiKey[]> {
  return readJson(text, apiKeyFile);
}
