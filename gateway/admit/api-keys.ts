import type { Parsed } from '../../shared/runtime/config/variables.ts';

export interface ApiKey {
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Wins over the fairness-id header; undefined leaves the header's. */
  readonly tenant: string | undefined;
  /** Names of the objectives it may use; undefined allows all. */
  readonly objectives: readonly string[] | undefined;
}

/** Reads `[{"sha256":"…","tenant":"acme","objectives":["standard"]}]`. */
export function parseApiKeys(text: string): Parsed<readonly ApiKey[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { fault: 'must be JSON' };
  }
  if (!Array.isArray(json)) return { fault: 'must be a JSON array of {"sha256","tenant","objectives"}' };
  const keys: ApiKey[] = [];
  for (const [index, item] of json.entries()) {
    const { sha256, tenant, objectives } = (item ?? {}) as Record<string, unknown>;
    if (typeof sha256 !== 'string' || !/^[0-9a-fA-F]{64}$/.test(sha256)) {
      return { fault: `must give entry ${index} a sha256 of 64 hexadecimal digits` };
    }
    if (tenant !== undefined && typeof tenant !== 'string')
      return { fault: `must give entry ${index} a text as tenant` };
    if (objectives !== undefined && !isTextList(objectives)) {
      return { fault: `must give entry ${index} a list of objective names` };
    }
    keys.push({ sha256: sha256.toLowerCase(), tenant, objectives });
  }
  return { value: keys };
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
