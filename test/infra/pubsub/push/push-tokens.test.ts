import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createPushTokens } from '../../../../infra/local/pubsub/push/push-tokens.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const halfAnHourMs = 30 * 60_000;

function setUp() {
  const clock = createManualClock();
  const tokenOf = createPushTokens({ kid: 'k', privateKey, certificate: '' }, clock);
  const issuedAt = (token: string): number =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iat * 1000;
  return { clock, tokenOf, issuedAt };
}

test('a token is used again for half of its life, by account and audience', async () => {
  const { clock, tokenOf } = setUp();
  const first = tokenOf('a@p', 'x');
  expect([tokenOf('b@p', 'x') === first, tokenOf('a@p', 'y') === first]).toEqual([false, false]);
  await clock.advance(halfAnHourMs - 1);
  expect(tokenOf('a@p', 'x')).toBe(first);
  await clock.advance(1);
  expect(tokenOf('a@p', 'x')).not.toBe(first);
});

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('with a wall clock that is set %s a new token is made, of that time', (_, stepMs) => {
  const { clock, tokenOf, issuedAt } = setUp();
  tokenOf('a@p', 'x');
  clock.step(stepMs);
  expect(issuedAt(tokenOf('a@p', 'x'))).toBe(clock.unixMs());
});

test('of more accounts than are kept each still gets its token, and those used last are kept', () => {
  const { tokenOf } = setUp();
  const first = tokenOf('a@p', 'x');
  for (let other = 0; other < 999; other += 1) tokenOf(`${other}@p`, 'x');
  expect(tokenOf('a@p', 'x')).toBe(first);
});
