import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createPushGuard } from '../../../../../functions/processor/fronts/push/push-guard.ts';
import type { MonotonicMs, UnixMs } from '../../../../../shared/runtime/clock.ts';

const expected = { audience: 'backfill', serviceAccount: 'push@p.iam.gserviceaccount.com' };
const [one, two, short] = [2048, 2048, 1024].map((modulusLength) => generateKeyPairSync('rsa', { modulusLength }));

let nowMs = 1_800_000_000_000;
const clock = { nowMs: () => nowMs as MonotonicMs };
const wall = { unixMs: () => nowMs as UnixMs };

/** What the source of certificates answers, and how often it was asked. */
let source: { status: number; headers: OutgoingHttpHeaders; document: unknown };
let asked = 0;
const server = createServer((_, response) => {
  asked += 1;
  response.writeHead(source.status, source.headers);
  response.end(typeof source.document === 'string' ? source.document : JSON.stringify(source.document));
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`;
afterAll(() => void server.close());
beforeEach(() => {
  nowMs = 1_800_000_000_000;
  asked = 0;
  source = {
    status: 200,
    headers: { 'cache-control': 'public, max-age=600' },
    document: pems({ one: one!.publicKey }),
  };
});

const guard = () => createPushGuard(expected, url, clock, wall);

test('a push signed by a known key passes, from PEM and from JWK', async () => {
  expect(await guard()(bearer())).toBeUndefined();
  source.document = { keys: [{ ...one!.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] };
  expect(await guard()(bearer())).toBeUndefined();
});

describe('what proves nothing is 401, what proves somebody else is 403', () => {
  const rows: [string, string | undefined, number][] = [
    ['no token', undefined, 401],
    ['signed by another key under this name', bearer({ key: two!.privateKey }), 401],
    ['changed after signing', bearer().replace(/\.(.*)\./, `.${part({ ...claims(), aud: 'other' })}.`), 401],
    ['signed by an unknown key', bearer({ kid: 'two', key: two!.privateKey }), 401],
    ['expired', bearer({ claims: { exp: nowMs / 1000 - 3600 } }), 401],
    ['forged, and for another audience', bearer({ claims: { aud: 'x' }, key: two!.privateKey }), 401],
    ['for another audience', bearer({ claims: { aud: 'x' } }), 401],
    ['of another account', bearer({ claims: { email: 'x@y.z' } }), 403],
    ['of an unverified account', bearer({ claims: { email_verified: false } }), 403],
  ];
  test.each(rows)('%s', async (_, authorization, status) => {
    expect(await guard()(authorization)).toMatchObject({ status });
  });
});

test('certificates are kept as long as they say, and no longer', async () => {
  const pass = guard();
  for (const _ of [1, 2, 3]) expect(await pass(bearer())).toBeUndefined();
  expect(asked).toBe(1);
  nowMs += 599_000;
  await pass(bearer());
  expect(asked).toBe(1);
  nowMs += 1000;
  source.status = 500;
  expect(await pass(bearer())).toMatchObject({ status: 503 });
});

test.each([{}, { 'cache-control': 'no-store' }, { 'cache-control': 'max-age=600', age: '599' }])(
  'with %j they are kept for a minute',
  async (headers) => {
    source.headers = headers;
    const pass = guard();
    await pass(bearer());
    nowMs += 59_000;
    await pass(bearer());
    expect(asked).toBe(1);
    nowMs += 1000;
    await pass(bearer());
    expect(asked).toBe(2);
  },
);

test('an unknown key is looked for once, and not again for 5 s', async () => {
  const pass = guard();
  await pass(bearer());
  nowMs += 5000;
  source.document = pems({ one: one!.publicKey, two: two!.publicKey });
  expect(await pass(bearer({ kid: 'two', key: two!.privateKey }))).toBeUndefined();
  expect(asked).toBe(2);
  for (const _ of [1, 2, 3]) expect(await pass(bearer({ kid: 'three' }))).toMatchObject({ status: 401 });
  expect(asked).toBe(2);
});

test('keys of other kinds, and what is no key, do not spoil the others', async () => {
  const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const keys = [
    jwk(curve, 'ec'),
    { kty: 'new', kid: 'new' },
    jwk(short!.publicKey, 'short'),
    jwk(one!.publicKey, 'one'),
  ];
  source.document = { keys };
  expect(await guard()(bearer())).toBeUndefined();
  for (const [kid, key] of [
    ['short', short!.privateKey],
    ['ec', two!.privateKey],
  ] as const) {
    expect(await guard()(bearer({ kid, key }))).toEqual({
      status: 401,
      why: 'the token is signed with an unknown key',
    });
  }
});

test('a wall clock that is set back neither keeps certificates for longer nor stops them from being fetched', async () => {
  let wallMs = nowMs;
  const pass = createPushGuard(expected, url, clock, { unixMs: () => wallMs as UnixMs });
  await pass(bearer());
  wallMs -= 1_000_000;
  nowMs += 600_000;
  expect(await pass(bearer({ claims: { exp: wallMs / 1000 + 60 } }))).toBeUndefined();
  expect(asked).toBe(2);
});

describe('without certificates nothing passes: 503', () => {
  const rows: [string, Partial<typeof source>][] = [
    ['the source fails', { status: 500 }],
    ['the source answers nonsense', { document: 'hello' }],
    ['the source answers null', { document: 'null' }],
    ['the source names no key', { document: {} }],
    ['the keys are too short', { document: pems({ one: short!.publicKey }) }],
    ['the source is elsewhere', { status: 302, headers: { location: url } }],
  ];
  test.each(rows)('%s', async (_, changed) => {
    source = { ...source, ...changed };
    const pass = guard();
    expect(await pass(bearer())).toMatchObject({ status: 503 });
    await pass(bearer());
    expect(asked).toBe(1);
    nowMs += 1000;
    source = { status: 200, headers: {}, document: pems({ one: one!.publicKey }) };
    expect(await pass(bearer())).toBeUndefined();
  });
});

test('many pushes at once ask once', async () => {
  const pass = guard();
  expect(await Promise.all(Array.from({ length: 20 }, () => pass(bearer())))).toEqual(Array(20).fill(undefined));
  expect(asked).toBe(1);
});

function claims() {
  return {
    iss: 'https://accounts.google.com',
    aud: expected.audience,
    email: expected.serviceAccount,
    email_verified: true,
    exp: nowMs / 1000 + 3600,
  };
}

function bearer(changed: { kid?: string; key?: KeyObject; claims?: object } = {}): string {
  const content = `${part({ alg: 'RS256', kid: changed.kid ?? 'one' })}.${part({ ...claims(), ...changed.claims })}`;
  return `Bearer ${content}.${sign('sha256', Buffer.from(content), changed.key ?? one!.privateKey).toString('base64url')}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function pems(keys: Record<string, KeyObject>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keys).map(([id, key]) => [id, key.export({ type: 'spki', format: 'pem' })]));
}
