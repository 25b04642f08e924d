/** Push tokens live an hour, as Google's do. */
export const tokenLifetimeSeconds = 3600;
const issuer = 'https://accounts.google.com';

/** What the token of a push says. Times are unix seconds. */
export interface PushTokenClaims {
  readonly iss: string;
  readonly aud: string;
  readonly azp: string;
  readonly email: string;
  readonly email_verified: true;
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
}

/** Source: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#jwt_format */
export function pushTokenClaims(email: string, audience: string, subject: string, nowMs: number): PushTokenClaims {
  const iat = Math.floor(nowMs / 1000);
  const exp = iat + tokenLifetimeSeconds;
  return { iss: issuer, aud: audience, azp: subject, email, email_verified: true, sub: subject, iat, exp };
}
