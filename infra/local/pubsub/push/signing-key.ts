import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Database } from '../broker/database.ts';

/** The key that signs tokens, and its certificate. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** Self-signed X.509, in PEM. */
  readonly certificate: string;
}

const keyBits = 2048;
const tenYearsMs = 10 * 365 * 86_400_000;

/** The key of push tokens: made at the first start, and kept with the data. */
export async function openSigningKey({ sqlite }: Database, nowMs: number): Promise<SigningKey> {
  const kept = sqlite.prepare('SELECT kid, private_key AS privateKey, certificate FROM signing_keys').get();
  if (kept) {
    const { kid, privateKey, certificate } = kept as Record<string, string>;
    return { kid: kid ?? '', privateKey: createPrivateKey(privateKey ?? ''), certificate: certificate ?? '' };
  }
  const key = await createSigningKey(nowMs);
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  sqlite.prepare('INSERT INTO signing_keys VALUES (?, ?, ?)').run(key.kid, pem, key.certificate);
  return key;
}

/** The public key as a JSON Web Key. */
export function publicJwk({ kid, privateKey }: SigningKey) {
  return { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

async function createSigningKey(nowMs: number): Promise<SigningKey> {
  // A kept key needs none of it, and it takes a tenth of a second to load.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: 'local-pubsub' }], {
    algorithm: 'sha256',
    keySize: keyBits,
    notBeforeDate: new Date(nowMs),
    notAfterDate: new Date(nowMs + tenYearsMs),
  });
  const spki = createPublicKey(made.public).export({ type: 'spki', format: 'der' });
  const kid = createHash('sha256').update(spki).digest('hex').slice(0, 40);
  return { kid, privateKey: createPrivateKey(made.private), certificate: made.cert };
}
