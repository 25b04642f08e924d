import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePushToken, refuseClaims } from '../../../../../functions/processor/fronts/push/push-token.ts';
import { unix } from '../../../../support/instants.ts';

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const header = { alg: 'RS256', kid: 'k', typ: 'JWT' };
const good = `${part(header)}.${part({ aud: 'a' })}.c2ln`;

describe('the header', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])('%s is read', (scheme) => {
    expect(parsePushToken(`${scheme} ${good}`)).toEqual({
      keyId: 'k',
      signedText: good.slice(0, good.lastIndexOf('.')),
      signature: Buffer.from('sig'),
      claims: { aud: 'a' },
    });
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
    ['claims that are no object', `Bearer ${part(header)}.${part([])}.c2ln`, /malformed/],
    ['claims that are null', `Bearer ${part(header)}.${part('null')}.c2ln`, /malformed/],
    ['alg none', `Bearer ${part({ ...header, alg: 'none' })}.${part({})}.c2ln`, /RS256/],
    ['alg HS256', `Bearer ${part({ ...header, alg: 'HS256' })}.${part({})}.c2ln`, /RS256/],
    ['alg in another case', `Bearer ${part({ ...header, alg: 'rs256' })}.${part({})}.c2ln`, /RS256/],
    ['critical extensions', `Bearer ${part({ ...header, crit: ['b64'] })}.${part({})}.c2ln`, /RS256/],
    ['without a key id', `Bearer ${part({ alg: 'RS256' })}.${part({})}.c2ln`, /key/],
    ['redacted by Cloud Run', `Bearer ${part(header)}.${part({})}.SIGNATURE_REMOVED_BY_GOOGLE`, /PUSH_AUDIENCE/],
  ];
  test.each(rows)('%s is 401', (_, authorization, why) => {
    expect(parsePushToken(authorization)).toEqual({ status: 401, why: expect.stringMatching(why) });
  });
  test('whatever comes, it is a token or 401', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.json(), { maxLength: 4 }), (text, parts) => {
        for (const sent of [text, `Bearer ${text}`, `Bearer ${parts.map(part).join('.')}`]) {
          const read = parsePushToken(sent);
          if ('why' in read) expect(read.status).toBe(401);
        }
      }),
    );
  });
});

describe('the claims', () => {
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
  const refused = (changed: object) => refuseClaims({ ...claims, ...changed }, expected, unix(nowMs))?.status;
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
  test.each(rows)('%s', (_, changed, status) => {
    expect(refused(changed)).toBe(status);
  });
});
