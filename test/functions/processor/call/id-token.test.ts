import { expect, test } from 'vitest';
import { idTokenFor } from '../../../../functions/processor/call/id-token.ts';
import { mono, unix } from '../../../support/instants.ts';

const startMs = 1_800_000_000_000;

/** A source of tokens that live an hour, and a clock. */
function world() {
  const state = { nowMs: startMs, asked: [] as string[], fails: false, aheadMs: 0 };
  const clock = { nowMs: () => mono(state.nowMs), after: () => () => {} };
  const wall = { unixMs: () => unix(state.nowMs + state.aheadMs) };
  const fetchToken = async (audience: string): Promise<string> => {
    state.asked.push(audience);
    if (state.fails) throw new Error('no metadata server');
    const claims = Buffer.from(JSON.stringify({ exp: state.nowMs / 1000 + 3600, n: state.asked.length }));
    return `h.${claims.toString('base64url')}.s`;
  };
  return { state, token: idTokenFor('https://gateway', fetchToken, clock, wall) };
}

test('one token serves until five minutes before its end', async () => {
  const { state, token } = world();
  const first = await token();
  state.nowMs = startMs + 55 * 60_000 - 1;
  expect(await token()).toBe(first);
  expect(state.asked).toEqual(['https://gateway']);
  state.nowMs += 1;
  expect(await token()).not.toBe(first);
  expect(state.asked).toHaveLength(2);
});

test.each([3_600_000, -3_600_000])('a wall clock that is set by %i ms meanwhile changes nothing', async (aheadMs) => {
  const { state, token } = world();
  const first = await token();
  state.aheadMs = aheadMs;
  state.nowMs = startMs + 55 * 60_000 - 1;
  expect(await token()).toBe(first);
  state.nowMs += 1;
  expect(await token()).not.toBe(first);
});

test('many calls at once ask once', async () => {
  const { state, token } = world();
  const tokens = await Promise.all(Array.from({ length: 20 }, token));
  expect(new Set(tokens).size).toBe(1);
  expect(state.asked).toHaveLength(1);
});

test('when it cannot be renewed, it serves until shortly before its end, then there is none', async () => {
  const { state, token } = world();
  const first = await token();
  state.fails = true;
  state.nowMs = startMs + 3600_000 - 30_001;
  expect(await token()).toBe(first);
  state.nowMs += 1;
  await expect(token()).rejects.toThrow('no metadata server');
  state.fails = false;
  expect(await token()).not.toBe(first);
});

test.each(['', 'opaque', `h.${Buffer.from('{}').toString('base64url')}.s`])('%j is no token', async (text) => {
  const clock = { nowMs: () => mono(startMs), after: () => () => {} };
  const wall = { unixMs: () => unix(startMs) };
  await expect(idTokenFor('a', async () => text, clock, wall)()).rejects.toThrow();
});

test('a source that says nothing is given up after five seconds', async () => {
  let giveUp = (): void => {};
  const after = (delayMs: number, task: () => void) => {
    if (delayMs === 5000) giveUp = task;
    return () => {};
  };
  const token = idTokenFor(
    'a',
    () => new Promise(() => {}),
    { nowMs: () => mono(0), after },
    { unixMs: () => unix(0) },
  )();
  giveUp();
  await expect(token).rejects.toThrow('no ID token within 5000 ms');
});
