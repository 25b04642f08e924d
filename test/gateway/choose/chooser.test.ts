import { expect, test } from 'vitest';
import { Chooser } from '../../../gateway/choose/chooser.ts';
import { policies } from '../../../gateway/choose/policies/policies.ts';
import { Attempt } from '../../../gateway/endpoint/attempt.ts';
import type { AttemptListener } from '../../../gateway/endpoint/attempt-request.ts';
import type { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { Pool } from '../../../gateway/endpoint/pool.ts';
import { promptBlocks } from '../../../gateway/endpoint/prefix/prompt-blocks.ts';
import { explain, RecentChoices } from '../../../gateway/observe/recent-choices.ts';
import type { RoutingRequest } from '../../../gateway/request.ts';
import { usualSlo } from '../../../gateway/slo.ts';
import { openAttempt } from '../../support/attempts.ts';
import { type RequestWish, routingRequestOf } from '../../support/routing-requests.ts';

const prompt = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'A long story. '.repeat(200) }] }));

function setUp(hasRoom: (endpoint: Endpoint) => boolean = () => true) {
  const pool = new Pool({ nowMs: () => 0, staleAfterMs: 1000 });
  pool.replace(['a', 'b', 'c'].map((name) => ({ url: `http://${name}:80`, labels: { name } })));
  const chooser = new Chooser({ pool, policy: policies.latency, hasRoom, random: () => 0 });
  /** Chosen and opened. */
  const start = (request = requestOf()) => {
    const choice = chooser.choose(request)!;
    const listener: AttemptListener<Attempt> = {
      declined: () => false,
      answered: () => {},
      judged: (_attempt, _outcome, verdict) => verdict,
      attemptEnded: () => {},
      evicted: () => {},
    };
    const attempt = Attempt.open(
      choice.winner,
      { ...request, generates: true, arrivedAtMs: 0, slo: usualSlo },
      listener,
      0,
    );
    return { choice, attempt };
  };
  return { pool, chooser, start };
}

function requestOf(changes: RequestWish = {}): RoutingRequest {
  return routingRequestOf({
    id: 'r',
    promptTokens: 900,
    promptBlocks: promptBlocks(prompt, { model: 'm', cacheSalt: '', promptKeys: ['messages'] }),
    ...changes,
  });
}

test('of a request a choice keeps what explains it, and no body', () => {
  const { chooser } = setUp();
  const choice = chooser.choose(Object.assign(requestOf(), { body: Buffer.alloc(9) }));
  expect(choice?.request).toEqual({ id: 'r', model: 'm', promptTokens: 900 });
});

test('where no endpoint has room none is chosen', () => {
  const { chooser } = setUp(() => false);
  expect(chooser.choose(requestOf())).toBeUndefined();
});

test('where it failed a request does not go again, room there or not, unless there is no other endpoint', () => {
  const { pool, chooser } = setUp();
  const [a] = pool.endpoints as [Endpoint];
  for (let round = 0; round < 6; round += 1) expect(chooser.choose(requestOf(), a)?.winner.endpoint).not.toBe(a);
  const full = setUp((endpoint) => endpoint.host === 'a:80');
  expect(full.chooser.choose(requestOf(), full.pool.endpoints[0])).toBeUndefined();
  pool.replace([{ url: a.url, labels: {} }]);
  expect(chooser.choose(requestOf(), a)?.winner.endpoint).toBe(a);
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
  const { pool, chooser, start } = setUp();
  const home = start().attempt.endpoint;
  for (let other = 0; other < 8; other += 1) openAttempt(home, 0, { promptTokens: 900 });
  expect(chooser.choose(requestOf())?.winner.endpoint).not.toBe(home);
  expect(pool.endpoints).toContain(home);
});

test('choices can be explained: every candidate with its score, the winner, and why', () => {
  const { chooser } = setUp();
  const recent = new RecentChoices();
  for (let round = 0; round < 30; round += 1) {
    const choice = chooser.choose(requestOf({ id: `r${round}` }))!;
    recent.add(choice);
    const { winner, rule, candidates } = explain(choice);
    expect([winner, rule]).toEqual([
      choice.winner.endpoint.host,
      expect.stringContaining('no prediction can be trusted'),
    ]);
    expect(candidates).toHaveLength(3);
    expect(candidates.find((each) => each.endpoint === winner)?.score).toBe(1);
    expect(candidates[0]).toMatchObject({ predicted: null, decodes: 0, kvCacheUtilization: 0 });
  }
  expect(recent.explained().map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 20 }, (_, back) => `r${29 - back}`),
  );
});
