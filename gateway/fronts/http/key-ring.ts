import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { ApiKey } from '../../admit/api-keys.ts';

/** Spellings of accepted keys that are remembered. Derived: many times the keys of an installation. */
const mostRemembered = 1000;

/** The API keys that are accepted. */
export class KeyRing {
  /** Headers that were accepted: a key is hashed once, not with each of its requests. */
  readonly #accepted = new LRUCache<string, ApiKey>({ max: mostRemembered });
  readonly #keys: readonly { readonly key: ApiKey; readonly digest: Buffer }[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map((key) => ({ key, digest: Buffer.from(key.sha256, 'hex') }));
  }

  /** The key of a request: that of `Authorization: Bearer …`, else Anthropic's `x-api-key`. */
  of({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): ApiKey | undefined {
    if (authorization !== undefined && /^Bearer /i.test(authorization)) return this.find(authorization);
    return typeof apiKey === 'string' ? this.find(`Bearer ${apiKey}`) : undefined;
  }

  /** The key of an `Authorization: Bearer …` header. What was not accepted before is compared with every digest in constant time. */
  find(authorization = ''): ApiKey | undefined {
    const known = this.#accepted.get(authorization);
    if (known) return known;
    const found = this.#compare(authorization);
    if (found) this.#accepted.set(authorization, found);
    return found;
  }

  #compare(authorization: string): ApiKey | undefined {
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (secret === undefined) return undefined;
    const digest = hash('sha256', secret, 'buffer');
    let found: ApiKey | undefined;
    for (const each of this.#keys) {
      if (timingSafeEqual(each.digest, digest)) found = each.key;
    }
    return found;
  }
}
