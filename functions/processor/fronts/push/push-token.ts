import { decodeProtectedHeader, errors, type JWTVerifyGetKey, jwtVerify, type ProtectedHeaderParameters } from 'jose';
import type { UnixMs } from '../../../../shared/runtime/clock.ts';

/** What a push's token must say. */
export interface ExpectedToken {
  readonly audience: string;
  readonly serviceAccount: string;
}

/** Why a push may not pass: 401 for a token that proves nothing, 403 for one of another account. */
export interface TokenRefusal {
  readonly status: 401 | 403;
  /** In our words alone: nothing of the token. */
  readonly why: string;
}

const issuer = ['https://accounts.google.com', 'accounts.google.com'];
/**
 * Between Google's clock and ours. Derived: clocks of machines that keep time differ by less than a second; a minute leaves room for those
 * that do not.
 */
const clockSkewSeconds = 60;
/** Bytes. Derived: Google's have some 900, and Node reads 16 KiB of headers. */
const longestToken = 8192;
const bearer = /^bearer +([\w-]+\.[\w-]+\.([\w-]+)) *$/i;
// What Cloud Run leaves of a token that it has verified itself. Source: https://cloud.google.com/run/docs/troubleshooting
const redacted = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** What a token is refused for, by the claim that is wrong, else by jose's code. */
const reasons: Readonly<Record<string, string>> = {
  iss: 'the token is of another issuer',
  aud: 'the token is for another audience',
  exp: 'the token has expired',
  nbf: 'the token is not valid yet',
  iat: 'the token is not valid yet',
  ERR_JWKS_NO_MATCHING_KEY: 'the token is signed with an unknown key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature of the token is wrong',
};

/**
 * Whether the token of an `authorization` header lets a push pass; undefined when it does.
 * @throws whatever `keyOf` rejects with that is no fault of the token.
 */
export async function refuseToken(
  authorization: string | undefined,
  expected: ExpectedToken,
  keyOf: JWTVerifyGetKey,
  now: UnixMs,
): Promise<TokenRefusal | undefined> {
  if (authorization === undefined) return unproven('there is no token');
  const [, token = '', signature] = bearer.exec(authorization) ?? [];
  const header = token.length > longestToken ? undefined : headerOf(token);
  if (!header) return unproven('the token is malformed');
  if (signature === redacted) {
    return unproven('Cloud Run has verified the token and removed its signature: leave PUSH_AUDIENCE unset');
  }
  if (header.alg !== 'RS256' || header.crit !== undefined) return unproven('the token is not signed with RS256');
  if (typeof header.kid !== 'string') return unproven('the token names no key');
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: ['RS256'],
      issuer,
      audience: expected.audience,
      requiredClaims: ['exp'],
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(now),
    });
    const { aud, iat = 0, email, email_verified } = payload;
    // Stricter than RFC 7519, which knows several audiences, and tokens of the future.
    if (aud !== expected.audience) return unproven(reasons.aud);
    if (iat * 1000 > now + clockSkewSeconds * 1000) return unproven(reasons.iat);
    if (email !== expected.serviceAccount) return { status: 403, why: 'the token is of another account' };
    if (email_verified !== true) return { status: 403, why: 'the account of the token is not verified' };
    return undefined;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return unproven(reasons['claim' in error ? String(error.claim) : error.code]);
  }
}

function headerOf(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

function unproven(why = 'the token is malformed'): TokenRefusal {
  return { status: 401, why };
}
