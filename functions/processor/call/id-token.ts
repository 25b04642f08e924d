import { GoogleAuth } from 'google-auth-library';
import {
  later,
  longAgo,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  type UnixMs,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';

/** Gets a fresh ID token for the audience, a JWT, from the environment's credentials. */
export type FetchIdToken = (audience: string) => Promise<string>;

/**
 * A new token is asked for this long before the old one ends, and the old one serves until shortly before. Protocol: Google's tokens last
 * an hour, and its libraries renew them five minutes before the end.
 */
const renewBeforeMs = 5 * 60_000;
/**
 * What is left of a token must suffice for the way to the gateway and for clocks that differ. Derived: half of the difference that push
 * tokens may have.
 */
const unusableBeforeMs = 30_000;
/** A token that is not there by then is asked for again at the next call. Derived: a metadata server answers within a second. */
const fetchTimeoutMs = 5000;

/**
 * A Google ID token for `audience`, kept until shortly before it expires.
 * The function rejects when there is none to be had.
 */
export function idTokenFor(
  audience: string,
  fetchToken: FetchIdToken,
  clock: MonotonicClock,
  wall: WallClock,
): () => Promise<string> {
  let token = '';
  let expiresAtMs: MonotonicMs = longAgo;
  let fetching: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const next = await withinTime(
      fetchToken(audience),
      fetchTimeoutMs,
      clock,
      `no ID token within ${fetchTimeoutMs} ms`,
    );
    // Its end is an instant of the wall clock; how long it serves from here on is a duration.
    expiresAtMs = later(clock.nowMs(), msBetween(wall.unixMs(), expiryOf(next)));
    token = next;
  };
  return async () => {
    if (clock.nowMs() < later(expiresAtMs, -renewBeforeMs)) return token;
    fetching ??= renew().finally(() => {
      fetching = undefined;
    });
    try {
      await fetching;
    } catch (error) {
      if (clock.nowMs() >= later(expiresAtMs, -unusableBeforeMs)) throw error;
    }
    return token;
  };
}

/** Through the official library. */
export const fetchGoogleIdToken: FetchIdToken = async (audience) => {
  try {
    const client = await new GoogleAuth().getIdTokenClient(audience);
    return await client.idTokenProvider.fetchIdToken(audience);
  } catch (error) {
    // The library quotes the answer in its message; that may hold a token.
    const status = (error as { response?: { status?: number } }).response?.status;
    throw status === undefined ? error : new Error(`the source of ID tokens answered ${status}`);
  }
};

function expiryOf(token: string): UnixMs {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { exp } = JSON.parse(claims) as { exp?: unknown };
  if (typeof exp !== 'number') throw new Error('the ID token does not say when it expires');
  return (exp * 1000) as UnixMs;
}
