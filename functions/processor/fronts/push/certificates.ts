import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import type { MonotonicClock } from '../../../../shared/runtime/clock.ts';
import { boundedGet } from '../../capacity/bounded-get.ts';

/** Google's keys for the tokens that it issues. */
export const googleCertificatesUrl = 'https://www.googleapis.com/oauth2/v3/certs';

/** Which keys the issuer has is not known, and why. */
export class CertificatesUnavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`the certificates of push tokens are unavailable: ${why}`, options);
    this.name = 'CertificatesUnavailable';
  }
}

/** However short a time the source gives. Derived: one request a minute at the most. */
const shortestLifeMs = 60_000;
/** However long a time the source gives. Derived: Google changes its keys within days. */
const longestLifeMs = 86_400_000;
/**
 * An unknown key is looked for again at most this often, and a source that failed is asked again. Derived: a token with an invented key
 * must not make a request of each push.
 */
const unknownKeyPauseMs = 5000;
/** A source that failed is asked again after this time. Derived: one request a second at the most. */
const failurePauseMs = 1000;
/** Protocol: RFC 7518 §3.3, 2,048 bits. */
const leastKeyBytes = 256;

/**
 * An issuer's RSA keys of 2,048 bits and more: fetched at the first use, kept as long as the source says (a minute to a day), and
 * never used for longer. `url` answers with `{kid: PEM}` or a JWK set. A look-up rejects with JWKSNoMatchingKey when the issuer has
 * no such key, with CertificatesUnavailable while it is not known which keys it has.
 */
export function createCertificates(url: string, clock: Pick<MonotonicClock, 'nowMs'>): JWTVerifyGetKey {
  let keyOf = createLocalJWKSet({ keys: [] });
  let freshUntilMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let fault: CertificatesUnavailable | undefined;
  let fetching: Promise<void> | undefined;

  const refresh = async (): Promise<void> => {
    const atMs = clock.nowMs();
    askedAtMs = atMs;
    try {
      const { status, text, headers } = await boundedGet(url);
      if (status !== 200) throw new Error(`the source answered ${status}`);
      keyOf = createLocalJWKSet({ keys: readKeys(JSON.parse(text)) });
      freshUntilMs = atMs + lifeMs(headers['cache-control'], headers.age);
      fault = undefined;
    } catch (error) {
      fault = new CertificatesUnavailable((error as Error).message, { cause: error });
    }
    fetching = undefined;
  };

  return async (header, token) => {
    const nowMs = clock.nowMs();
    const isFresh = nowMs < freshUntilMs;
    const known = isFresh && (await keyOf(header, token).catch(unlessUnknown));
    if (known) return known;
    const pauseMs = isFresh && !fault ? unknownKeyPauseMs : failurePauseMs;
    if (nowMs - askedAtMs >= pauseMs) fetching ??= refresh();
    await fetching;
    if (fault) throw fault;
    return keyOf(header, token);
  };
}

function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
}

function readKeys(document: Readonly<Record<string, unknown>>) {
  const keys: (JsonWebKey & { kid?: string })[] = Array.isArray(document.keys)
    ? document.keys
    : Object.entries(document).map(([kid, pem]) => ({
        ...createPublicKey(String(pem)).export({ format: 'jwk' }),
        kid,
      }));
  const strong = keys.filter(
    ({ kty, n }) => kty === 'RSA' && Buffer.from(n ?? '', 'base64url').length >= leastKeyBytes,
  );
  if (strong.length === 0) throw new Error('the source names no RSA key');
  return strong as { kty: string }[];
}

/** How long an answer may be kept. Source: RFC 9111, section 4.2. */
function lifeMs(cacheControl = '', age: string | undefined): number {
  const maxAgeSeconds = Number(/\bmax-age=(\d+)/i.exec(cacheControl)?.[1] ?? 0);
  const leftMs = (maxAgeSeconds - (Number(age) || 0)) * 1000;
  return Math.min(longestLifeMs, Math.max(shortestLifeMs, leftMs));
}
