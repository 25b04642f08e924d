import { describe, expect, test, vi } from 'vitest';
import { type Choice, Chooser } from '../../../gateway/choose/chooser.ts';
import { type PolicyName, policies } from '../../../gateway/choose/policies/policies.ts';
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
  const chooserOf = (policy: PolicyName, holdsQueue = true) =>
    new Chooser({ pool, policy: policies[policy], holdsQueue, random: () => 0 });
  const chooser = chooserOf('latency');
  const choose = (request = requestOf(), failedAt?: Endpoint) =>
    chooser.choose(chosenFor(request, failedAt), noneTaken);
  /** Chosen and opened. */
  const start = (request = requestOf()) => {
    const choice = choiceOf(choose(request));
    const attempt = openPlaced(choice.winner, 0, request);
    return { choice, attempt };
  };
  return { pool, chooserOf, choose, start };
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

/** A chooser with this policy before three endpoints, of which the test says in how many milliseconds each has room. */
function withRoom(policy: PolicyName, rooms: readonly (number | undefined)[], holdsQueue = true) {
  const { pool, chooserOf } = setUp();
  const asked: unknown[][] = [];
  for (const [index, { limiter }] of pool.endpoints.entries()) {
    vi.spyOn(limiter, 'roomInMs').mockImplementation((...args) => {
      asked.push(args);
      return rooms[index];
    });
  }
  const chooser = chooserOf(policy, holdsQueue);
  const choose = (wish: RequestWish = {}, failedAt?: Endpoint, isTaken: (queueKey: string) => boolean = noneTaken) =>
    chooser.choose(chosenFor(requestOf(wish), failedAt), isTaken);
  return { pool, asked, choose };
}

describe('what a request waits for', () => {
  const all = [0, 0, 0];
  const none = [undefined, 300, 100];

  test('room at any endpoint of its model, under a policy that chooses among those with room', () => {
    expect(withRoom('least-request', none).choose()).toEqual({ queueKey: 'm', roomInMs: 100, anyRoomInMs: 100 });
  });
  test('room elsewhere, where it failed', () => {
    const { pool, choose } = withRoom('least-request', none);
    const [first] = pool.endpoints;
    expect(choose({}, first)).toMatchObject({ queueKey: `m elsewhere than ${first!.url}`, roomInMs: 100 });
  });
  test('the endpoint that is the best apart from the one where it failed', () => {
    const { pool, choose } = withRoom('latency', [0, undefined, undefined]);
    const [first, second, third] = pool.endpoints as [Endpoint, Endpoint, Endpoint];
    for (const busy of [second, second, third]) openAttempt(busy, 0, { promptTokens: 900 });
    expect(choose()).toHaveProperty('winner.endpoint', first);
    expect(choose({}, first)).toMatchObject({ queueKey: `m at ${third.url}` });
  });
  test.each<[PolicyName, string]>([
    ['least-request', 'm'],
    ['latency', 'm at http://c:80'],
  ])('its turn, where others wait for the same: %s', (policy, queueKey) => {
    const { choose } = withRoom(policy, all);
    expect(choose({}, undefined, (taken) => taken === queueKey)).toEqual({ queueKey, roomInMs: 0, anyRoomInMs: 0 });
    expect(choose({}, undefined, (taken) => taken !== queueKey)).toHaveProperty('winner');
  });
  test('nothing, under a policy without a queue; sheddable work waits for room all the same', () => {
    const { choose } = withRoom('llm-d', none);
    expect(choose()).toHaveProperty('winner');
    expect(choose({ priority: -1 })).toEqual({ queueKey: 'm', roomInMs: 100, anyRoomInMs: 100 });
  });
  test.each(['latency', 'least-request', 'llm-d'] as const)('nothing, where no queue is held: %s', (policy) => {
    const { choose } = withRoom(policy, none, false);
    for (const priority of [0, -1]) expect(choose({ priority })).toHaveProperty('winner');
  });
  test.each<[PolicyName, number | undefined]>([
    ['latency', undefined],
    ['least-request', undefined],
    // Whatever has room for any item need not be looked at again: such an item never waits for room.
    ['llm-d', 0],
  ])('an endpoint that serves its model, where none is usable: %s', (policy, anyRoomInMs) => {
    const { pool, choose } = withRoom(policy, all);
    for (const endpoint of pool.endpoints) endpoint.recordRefused();
    expect(choose()).toEqual({ queueKey: 'm', roomInMs: undefined, anyRoomInMs });
  });
});

test('room is asked for the class of a request and its promised time per token, and that of others for any promise', () => {
  const { asked, choose } = withRoom('least-request', [9, 9, 9]);
  choose({ priority: -1, tpotSloMs: 70 });
  expect(new Set(asked.map((args) => args.join()))).toEqual(new Set(['sheddable,70', 'sheddable,Infinity']));
});

test('the room of an endpoint that is out of use counts for no request', () => {
  const { pool, choose } = withRoom('least-request', [0, 200, 200]);
  pool.endpoints[0]!.recordRefused();
  expect(choose()).toEqual({ queueKey: 'm', roomInMs: 200, anyRoomInMs: 200 });
});

test('each choice is the next turn, and a request that waits has none', () => {
  const { choose } = withRoom('round-robin', [0, 0, 0]);
  const next = (): string => choiceOf(choose()).winner.endpoint.host;
  const turns = [next(), next()];
  choose({}, undefined, () => true);
  expect(new Set([...turns, next()]).size).toBe(3);
});

test('a request that failed is not the one that probes', () => {
  const { pool, choose } = withRoom('least-request', [0, 0, 0]);
  const [first, second] = pool.endpoints as [Endpoint, Endpoint];
  vi.spyOn(second.health, 'isUnremarkable', 'get').mockReturnValue(false);
  vi.spyOn(second.health, 'probeDue', 'get').mockReturnValue(true);
  for (let held = 0; held < 3; held += 1) openAttempt(second, 0);
  expect(choiceOf(choose()).winner.endpoint).toBe(second);
  expect(choiceOf(choose({}, first)).winner.endpoint).not.toBe(second);
});
