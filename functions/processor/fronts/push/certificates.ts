import { createPublicKey, type KeyObject } from 'node:crypto';
import got from 'got';
import { later, longAgo, type MonotonicClock, type MonotonicMs } from '../../../../shared/runtime/clock.ts';

/** Google's keys for the tokens that it issues. */
export const googleCertificatesUrl = 'https://www.googleapis.com/oauth2/v3/certs';

export class CertificatesUnavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`the certificates of push tokens are unavailable: ${why}`, options);
    this.name = 'CertificatesUnavailable';
  }
}

const fetchTimeoutMs = 3000;
const shortestLifeMs = 60_000;
const longestLifeMs = 86_400_000;
/** A key that the source does not have is looked for again at most this often, a source that failed too. */
const unknownKeyPauseMs = 5000;
const failurePauseMs = 1000;
const leastKeyBits = 2048;

/** An issuer's public keys by id: fetched once, kept as long as the source says, and never used for longer. */
export class Certificates {
  readonly #url: string;
  readonly #clock: MonotonicClock;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  #freshUntilMs: MonotonicMs = longAgo;
  #askedAtMs: MonotonicMs = longAgo;
  #fault: CertificatesUnavailable | undefined;
  #fetching: Promise<void> | undefined;

  /** `url`: answers with `{kid: PEM}` or a JWK set. */
  constructor(url: string, clock: MonotonicClock) {
    this.#url = url;
    this.#clock = clock;
  }

  /**
   * Undefined when the source has no such key.
   * @throws {CertificatesUnavailable}
   */
  async keyOf(id: string): Promise<KeyObject | undefined> {
    const nowMs = this.#clock.nowMs();
    const isFresh = nowMs < this.#freshUntilMs;
    const known = isFresh ? this.#keys.get(id) : undefined;
    if (known) return known;
    const pauseMs = isFresh && !this.#fault ? unknownKeyPauseMs : failurePauseMs;
    if (this.#fetching || nowMs - this.#askedAtMs >= pauseMs) await this.#refresh();
    if (this.#fault) throw this.#fault;
    return this.#keys.get(id);
  }

  #refresh(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    this.#askedAtMs = this.#clock.nowMs();
    try {
      const { statusCode, body, headers } = await got(this.#url, {
        timeout: { request: fetchTimeoutMs },
        retry: { limit: 0 },
        followRedirect: false,
      });
      if (statusCode !== 200) throw new Error(`the source answered ${statusCode}`);
      this.#keys = readKeys(JSON.parse(body));
      this.#freshUntilMs = later(this.#askedAtMs, lifeMs(headers['cache-control'], headers.age));
      this.#fault = undefined;
    } catch (error) {
      this.#fault = new CertificatesUnavailable((error as Error).message, { cause: error });
    }
  }
}

function readKeys(document: unknown): ReadonlyMap<string, KeyObject> {
  const { keys } = document as { keys?: unknown };
  const named: [unknown, Parameters<typeof createPublicKey>[0]][] = Array.isArray(keys)
    ? keys.map((jwk) => [jwk.kid, { key: jwk, format: 'jwk' }])
    : Object.entries(document as Record<string, string>);
  const read = named.map(([id, key]) => [String(id), createPublicKey(key)] as const);
  const usable = read.filter(
    ([, { asymmetricKeyType, asymmetricKeyDetails }]) =>
      asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= leastKeyBits,
  );
  if (usable.length === 0) throw new Error('the source names no RSA key');
  return new Map(usable);
}

/** How long an answer may be kept. Source: RFC 9111, section 4.2. */
function lifeMs(cacheControl = '', age: string | undefined): number {
  const maxAgeSeconds = Number(/\bmax-age=(\d+)/i.exec(cacheControl)?.[1] ?? 0);
  const leftMs = (maxAgeSeconds - (Number(age) || 0)) * 1000;
  return Math.min(longestLifeMs, Math.max(shortestLifeMs, leftMs));
}
