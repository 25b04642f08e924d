import { createHash, sign } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { msBetween, type UnixMs, type WallClock } from '../../../../shared/runtime/clock.ts';
import { pushTokenClaims, tokenLifetimeSeconds } from './push-token.ts';
import type { SigningKey } from './signing-key.ts';

/** The token for an account and an audience. */
export type PushTokens = (email: string, audience: string) => string;

/** Signing takes a millisecond, so a token is used for half of its life. */
const reuseMs = (tokenLifetimeSeconds * 1000) / 2;
const mostKept = 1000;

/** RS256 tokens for push subscriptions, by account and audience. */
export function createPushTokens(key: SigningKey, clock: WallClock): PushTokens {
  const kept = new LRUCache<string, { readonly token: string; readonly madeAtMs: UnixMs }>({ max: mostKept });
  return (email, audience) => {
    const nowMs = clock.unixMs();
    const name = JSON.stringify([email, audience]);
    const found = kept.get(name);
    if (found && isYoung(found.madeAtMs, nowMs)) return found.token;
    const token = signed(key, pushTokenClaims(email, audience, subjectOf(email), nowMs));
    kept.set(name, { token, madeAtMs: nowMs });
    return token;
  };
}

/** Not of the future either: the clock may have been set back. */
function isYoung(madeAtMs: UnixMs, nowMs: UnixMs): boolean {
  const ageMs = msBetween(madeAtMs, nowMs);
  return ageMs >= 0 && ageMs < reuseMs;
}

function signed({ kid, privateKey }: SigningKey, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: 'RS256', kid, typ: 'JWT' })}.${part(claims)}`;
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`;
}

/** A service account's number: 21 digits that stay the same. */
function subjectOf(email: string): string {
  const hash = createHash('sha256').update(email).digest('hex').slice(0, 16);
  return `1${BigInt(`0x${hash}`).toString().padStart(20, '0')}`;
}
