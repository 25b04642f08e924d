import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../decisions/api-keys.ts';

/** The API keys that are accepted. */
export class KeyRing {
  readonly #keys: readonly { readonly key: ApiKey; readonly digest: Buffer }[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map((key) => ({ key, digest: Buffer.from(key.sha256, 'hex') }));
  }

  /** The key of an `Authorization: Bearer …` header. Compares with every digest in constant time. */
  find(authorization: string | undefined): ApiKey | undefined {
    const secret = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (secret === undefined) return undefined;
    const digest = hash('sha256', secret, 'buffer');
    let found: ApiKey | undefined;
    for (const each of this.#keys) {
      if (timingSafeEqual(each.digest, digest)) found = each.key;
    }
    return found;
  }
}
