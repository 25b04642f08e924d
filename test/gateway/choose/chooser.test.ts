import { expect, test, vi } from 'vitest';
import { type Choice, Chooser } from '../../../gateway/choose/chooser.ts';
import { policies } from '../../../gateway/choose/policies/policies.ts';
import type { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { Pool } from '../../../gateway/endpoint/pool.ts';
import { promptBlocks } from '../../../gateway/endpoint/prefix/prompt-blocks.ts';
import { explain, RecentChoices } from '../../../gateway/observe/recent-choices.ts';
import type { RoutingRequest } from '../../../gateway/request.ts';
import { openAttempt, openPlaced } from '../../support/attempts.ts';
import { chosenFor, noneTaken } from '../../support/queue-items.ts';
import { type RequestWish, routingRequestOf } from '../../support/routing-requests.ts';

const prompt = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'A long story. '.repeat(200) }] }));

function setUp() {
  const pool = new Pool({ nowMs: () => 0, staleAfterMs: 1000 });
  pool.replace(['a', 'b', 'c'].map((name) => ({ url: `http://${name}:80`, labels: { name } })));
  const chooser = new Chooser({ pool, policy: policies.latency, holdsQueue: true, random: () => 0 });
  const choose = (request = requestOf(), failedAt?: Endpoint) =>
    chooser.choose(chosenFor(request, failedAt), noneTaken);
  /** Chosen and opened. */
  const start = (request = requestOf()) => {
    const choice = choiceOf(choose(request));
    const attempt = openPlaced(choice.winner, 0, request);
    return { choice, attempt };
  };
  return { pool, choose, start };
}

function choiceOf(choice: ReturnType<Chooser['choose']>): Choice {
  if ('winner' in choice) return choice;
  throw new Error(`it waits for ${choice.queueKey}`);
}

/** The endpoint takes nothing, and time alone does not change that. */
const fill = ({ limiter }: Endpoint) => vi.spyOn(limiter, 'roomInMs').mockReturnValue(undefined);

function requestOf(changes: RequestWish = {}): RoutingRequest {
  return routingRequestOf({
    id: 'r',
    promptTokens: 900,
    promptBlocks: promptBlocks(prompt, { model: 'm', cacheSalt: '', promptKeys: ['messages'] }),
    ...changes,
  });
}

test('of a request a choice keeps what explains it, and no body', () => {
  const { choose } = setUp();
  const choice = choiceOf(choose(Object.assign(requestOf(), { body: Buffer.alloc(9) })));
  expect(choice.request).toEqual({ id: 'r', model: 'm', promptTokens: 900 });
});

test('where no endpoint has room none is chosen, and nothing of its class need be looked at', () => {
  const { pool, choose } = setUp();
  for (const endpoint of pool.endpoints) fill(endpoint);
  expect(choose()).toMatchObject({ roomInMs: undefined, anyRoomInMs: undefined });
  expect(choose(requestOf({ priority: -1 }))).toMatchObject({ anyRoomInMs: undefined });
});

test('where the best endpoint alone is full the request waits for that one, and others of its class are looked at', () => {
  const { pool, choose, start } = setUp();
  const home = start().attempt.endpoint;
  fill(home);
  expect(choose()).toEqual({ queueKey: `m at ${home.url}`, roomInMs: undefined, anyRoomInMs: 0 });
  expect(pool.endpoints).toHaveLength(3);
});

test('where sheddable work could be stopped for it, others of its class are looked at', () => {
  const { pool, choose } = setUp();
  for (const endpoint of pool.endpoints) fill(endpoint);
  vi.spyOn(pool.endpoints[0]!.limiter, 'toEvict', 'get').mockReturnValue(1);
  expect(choose()).toMatchObject({ anyRoomInMs: 0 });
  expect(choose(requestOf({ priority: -1 }))).toMatchObject({ anyRoomInMs: undefined });
});

test('where it failed a request does not go again, room there or not, unless there is no other endpoint', () => {
  const { pool, choose } = setUp();
  const [a] = pool.endpoints as [Endpoint];
  for (let round = 0; round < 6; round += 1) {
    expect(choiceOf(choose(requestOf(), a)).winner.endpoint).not.toBe(a);
  }
  const full = setUp();
  const [first, ...others] = full.pool.endpoints;
  for (const endpoint of others) fill(endpoint);
  expect(full.choose(requestOf(), first)).not.toHaveProperty('winner');
  pool.replace([{ url: a.url, labels: {} }]);
  expect(choiceOf(choose(requestOf(), a)).winner.endpoint).toBe(a);
});

test('a conversation goes back to where its beginning is cached, and counts only what is not', () => {
  const { start } = setUp();
  const first = start();
  first.attempt.end('abandoned', 0);
  const { choice, attempt } = start();
  expect(attempt.endpoint).toBe(first.attempt.endpoint);
  expect(attempt.cachedTokens).toBe(11 * 64);
  expect(attempt.endpoint.work.realtime.prefillTokens).toBe(900 - 704);
  expect(
    explain(choice)
      .candidates.map(({ prefixShare }) => prefixShare)
      .filter((share) => share > 0),
  ).toEqual([1]);
});

test('a prefix does not hold a request where others would be much sooner', () => {
  const { pool, choose, start } = setUp();
  const home = start().attempt.endpoint;
  for (let other = 0; other < 8; other += 1) openAttempt(home, 0, { promptTokens: 900 });
  expect(choiceOf(choose()).winner.endpoint).not.toBe(home);
  expect(pool.endpoints).toContain(home);
});

test('choices can be explained: every candidate with its score, the winner, and why', () => {
  const { choose } = setUp();
  const recent = new RecentChoices();
  for (let round = 0; round < 30; round += 1) {
    const choice = choiceOf(choose(requestOf({ id: `r${round}` })));
    recent.add(choice);
    const { winner, rule, candidates } = explain(choice);
    expect([winner, rule]).toEqual([choice.winner.endpoint.host, expect.stringContaining('too few steps were seen')]);
    expect(candidates).toHaveLength(3);
    expect(candidates.find((each) => each.endpoint === winner)?.score).toBe(1);
    expect(candidates[0]).toMatchObject({ predicted: null, decodes: 0, kvCacheUtilization: 0 });
  }
  expect(recent.explained().map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 20 }, (_, back) => `r${29 - back}`),
  );
});
