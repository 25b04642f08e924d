import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import type { Database } from '../broker/database.ts';
import { certificatePem, toBeSigned } from './der.ts';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** Self-signed X.509, in PEM. */
  readonly certificate: string;
}

const tenYearsMs = 10 * 365 * 86_400_000;

/** The key of push tokens: made at the first start, and kept with the data. */
export function openSigningKey({ sqlite }: Database, nowMs: number): SigningKey {
  const kept = sqlite.prepare('SELECT kid, private_key AS privateKey, certificate FROM signing_keys').get();
  if (kept) {
    const { kid, privateKey, certificate } = kept as Record<string, string>;
    return { kid: kid ?? '', privateKey: createPrivateKey(privateKey ?? ''), certificate: certificate ?? '' };
  }
  const key = createSigningKey(nowMs);
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  sqlite.prepare('INSERT INTO signing_keys VALUES (?, ?, ?)').run(key.kid, pem, key.certificate);
  return key;
}

/** The public key as a JSON Web Key. */
export function publicJwk({ kid, privateKey }: SigningKey) {
  return { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

function createSigningKey(nowMs: number): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
  const signedPart = toBeSigned('local-pubsub', spki, serial, nowMs, nowMs + tenYearsMs);
  const kid = createHash('sha256').update(spki).digest('hex').slice(0, 40);
  return { kid, privateKey, certificate: certificatePem(signedPart, sign('sha256', signedPart, privateKey)) };
}
