import type { UnixMs } from '../../../../shared/runtime/clock.ts';
import { decodeUtf8 } from '../../../../shared/runtime/utf8.ts';

/** A push's OIDC token as it came: nothing in it is to be believed before its signature is verified. */
export interface PushToken {
  /** Which of the issuer's keys signed it. */
  readonly keyId: string;
  readonly signedText: string;
  readonly signature: Uint8Array;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface ExpectedToken {
  readonly audience: string;
  readonly serviceAccount: string;
}

/** Why a push may not pass: 401 for a token that proves nothing, 403 for one that proves another account. */
export interface TokenRefusal {
  readonly status: 401 | 403;
  /** In our words alone: nothing of the token. */
  readonly why: string;
}

const issuers: readonly unknown[] = ['https://accounts.google.com', 'accounts.google.com'];
/** Between Google's clock and ours. */
const clockSkewMs = 60_000;
const longestToken = 8192;
// What Cloud Run leaves of a token that it has verified itself. Source: https://cloud.google.com/run/docs/troubleshooting
const redacted = 'SIGNATURE_REMOVED_BY_GOOGLE';

/** Reads an `authorization` header. Only RS256 is known, whatever the token says. Source: RFC 7515, RFC 7519. */
export function parsePushToken(authorization: string | undefined): PushToken | TokenRefusal {
  if (authorization === undefined) return unproven('there is no token');
  const token = /^bearer +([\w.-]+) *$/i.exec(authorization)?.[1];
  const [head = '', body = '', signature = '', ...rest] = token?.split('.') ?? [];
  if (token === undefined || token.length > longestToken || rest.length > 0) return unproven('the token is malformed');
  if (signature === redacted) {
    return unproven('Cloud Run has verified the token and removed its signature: leave PUSH_AUDIENCE unset');
  }
  const header = jsonObject(head);
  const claims = jsonObject(body);
  if (!header || !claims || signature === '') return unproven('the token is malformed');
  if (header.alg !== 'RS256' || header.crit !== undefined) return unproven('the token is not signed with RS256');
  if (typeof header.kid !== 'string') return unproven('the token names no key');
  return {
    keyId: header.kid,
    signedText: `${head}.${body}`,
    signature: Buffer.from(signature, 'base64url'),
    claims,
  };
}

/** Whether verified claims let a push pass; undefined when they do. */
export function refuseClaims(
  claims: PushToken['claims'],
  expected: ExpectedToken,
  nowMs: UnixMs,
): TokenRefusal | undefined {
  const { iss, aud, email, email_verified, exp, nbf, iat } = claims;
  if (!issuers.includes(iss)) return unproven('the token is of another issuer');
  if (!isSeconds(exp) || exp * 1000 + clockSkewMs <= nowMs) return unproven('the token has expired');
  if (![nbf, iat].every((from) => from === undefined || (isSeconds(from) && from * 1000 - clockSkewMs <= nowMs))) {
    return unproven('the token is not valid yet');
  }
  if (aud !== expected.audience) return unproven('the token is for another audience');
  if (email !== expected.serviceAccount) return other('the token is of another account');
  if (email_verified !== true) return other('the account of the token is not verified');
  return undefined;
}

function unproven(why: string): TokenRefusal {
  return { status: 401, why };
}

function other(why: string): TokenRefusal {
  return { status: 403, why };
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(Buffer.from(part, 'base64url')) ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
