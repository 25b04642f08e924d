import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refuseToken } from '../../../../../functions/processor/fronts/push/push-token.ts';
import type { UnixMs } from '../../../../../shared/runtime/clock.ts';

const nowMs = 1_800_000_000_000;
const now = nowMs / 1000;
const expected = { audience: 'backfill', serviceAccount: 'push@p.iam.gserviceaccount.com' };
const claims = {
  iss: 'https://accounts.google.com',
  aud: 'backfill',
  email: 'push@p.iam.gserviceaccount.com',
  email_verified: true,
  iat: now - 60,
  exp: now + 3540,
};
const header = { alg: 'RS256', kid: 'k', typ: 'JWT' };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const signed = (head: unknown, body: unknown): string => {
  const content = `${part(head)}.${part(body)}`;
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`;
};
const good = signed(header, claims);
const refusal = (authorization: string | undefined) =>
  refuseToken(authorization, expected, async () => publicKey, nowMs as UnixMs);

describe('the header', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('%s is read, and its key asked for by id', async (scheme) => {
    const asked: unknown[] = [];
    const keyOf = async ({ kid }: { kid?: string }) => {
      asked.push(kid);
      return publicKey;
    };
    expect(await refuseToken(`${scheme} ${good}`, expected, keyOf, nowMs as UnixMs)).toBeUndefined();
    expect(asked).toEqual(['k']);
  });
  const rows: [string, string | undefined, RegExp][] = [
    ['absent', undefined, /no token/],
    ['empty', '', /malformed/],
    ['another scheme', `Basic ${good}`, /malformed/],
    ['without a token', 'Bearer ', /malformed/],
    ['two tokens', `Bearer ${good}, Bearer ${good}`, /malformed/],
    ['two parts', `Bearer ${part(header)}.${part({})}`, /malformed/],
    ['four parts', `Bearer ${good}.x`, /malformed/],
    ['no signature', `Bearer ${part(header)}.${part({})}.`, /malformed/],
    ['over 8 KiB', `Bearer ${good}${'a'.repeat(8192)}`, /malformed/],
    ['a header that is no JSON', `Bearer ${part('{')}.${part({})}.c2ln`, /malformed/],
    ['claims that are no object', `Bearer ${signed(header, [])}`, /malformed/],
    ['claims that are null', `Bearer ${signed(header, 'null')}`, /malformed/],
    ['alg none', `Bearer ${part({ ...header, alg: 'none' })}.${part({})}.c2ln`, /RS256/],
    ['alg HS256', `Bearer ${part({ ...header, alg: 'HS256' })}.${part({})}.c2ln`, /RS256/],
    ['signed with the public key as a secret', `Bearer ${hmacSigned()}`, /RS256/],
    ['alg in another case', `Bearer ${part({ ...header, alg: 'rs256' })}.${part({})}.c2ln`, /RS256/],
    ['critical extensions', `Bearer ${part({ ...header, crit: ['b64'] })}.${part({})}.c2ln`, /RS256/],
    ['without a key id', `Bearer ${part({ alg: 'RS256' })}.${part({})}.c2ln`, /key/],
    ['redacted by Cloud Run', `Bearer ${part(header)}.${part({})}.SIGNATURE_REMOVED_BY_GOOGLE`, /PUSH_AUDIENCE/],
  ];
  test.each(rows)('%s is 401', async (_, authorization, why) => {
    expect(await refusal(authorization)).toEqual({ status: 401, why: expect.stringMatching(why) });
  });
  test('whatever comes, it is 401', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.array(fc.json(), { maxLength: 4 }), async (text, parts) => {
        for (const sent of [text, `Bearer ${text}`, `Bearer ${parts.map(part).join('.')}`]) {
          expect((await refusal(sent))?.status).toBe(401);
        }
      }),
    );
  });
});

describe('the claims', () => {
  const refused = async (changed: object) =>
    (await refusal(`Bearer ${signed(header, { ...claims, ...changed })}`))?.status;
  const rows: [string, object, number | undefined][] = [
    ['as Google sends them', {}, undefined],
    ['the issuer without https', { iss: 'accounts.google.com' }, undefined],
    ['another issuer', { iss: 'https://accounts.google.com.evil.example' }, 401],
    ['no issuer', { iss: undefined }, 401],
    ['expired within the skew', { exp: now - 59 }, undefined],
    ['expired by the skew', { exp: now - 60 }, 401],
    ['without an end', { exp: undefined }, 401],
    ['an end that is text', { exp: String(now + 3540) }, 401],
    ['not yet, within the skew', { nbf: now + 60 }, undefined],
    ['not yet, beyond the skew', { nbf: now + 61 }, 401],
    ['issued in the future', { iat: now + 61 }, 401],
    ['a beginning that is text', { nbf: 'now' }, 401],
    ['another audience', { aud: 'backfill2' }, 401],
    ['several audiences', { aud: ['backfill'] }, 401],
    ['another account', { email: 'other@p.iam.gserviceaccount.com' }, 403],
    ['no account', { email: undefined }, 403],
    ['an unverified account', { email_verified: false }, 403],
    ['verified as text', { email_verified: 'true' }, 403],
    ['expired and for another audience', { exp: now - 3600, aud: 'x' }, 401],
  ];
  test.each(rows)('%s', async (_, changed, status) => {
    expect(await refused(changed)).toBe(status);
  });
});

/** The forgery that a verifier falls for when it lets the token choose the algorithm. */
function hmacSigned(): string {
  const content = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
  const secret = publicKey.export({ type: 'spki', format: 'pem' });
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}
