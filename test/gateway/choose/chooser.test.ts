import { beforeEach, expect, test } from 'vitest';
import { type Choice, Chooser, type RoutingRequest } from '../../../gateway/choose/chooser.ts';
import { policies } from '../../../gateway/choose/policies/policies.ts';
import type { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import { Pool } from '../../../gateway/endpoint/pool.ts';
import { mostBlocks } from '../../../gateway/endpoint/prefix/prefix-index.ts';
import { promptBlocks } from '../../../gateway/endpoint/prefix/prompt-blocks.ts';
import { explain, RecentChoices } from '../../../gateway/observe/recent-choices.ts';

const clock = { nowMs: 0 };
const choices: Choice[] = [];
const prompt = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'A long story. '.repeat(200) }] }));

function setUp(hasRoom: (endpoint: Endpoint) => boolean = () => true) {
  const pool = new Pool(
    { nowMs: () => clock.nowMs, staleAfterMs: 1000, onUsableChange: () => {} },
    { added: () => {}, removed: () => {} },
  );
  pool.replace(['a', 'b', 'c'].map((name) => ({ url: `http://${name}:80`, labels: {} })));
  const chooser = new Chooser({
    pool,
    policy: policies.latency,
    hasRoom,
    nowMs: () => clock.nowMs,
    random: () => 0,
    onChoice: (choice) => choices.push(choice),
  });
  return { pool, chooser };
}

function requestOf(changes: Partial<RoutingRequest> = {}): RoutingRequest {
  const none = { ttftSloMs: undefined, tpotSloMs: undefined };
  const blocks = promptBlocks(prompt, 'm');
  const usual = { id: 'r', workClass: 'realtime', model: 'm', promptTokens: 900, promptBlocks: blocks } as const;
  return { ...usual, stream: true, ...none, ...changes };
}

beforeEach(() => {
  clock.nowMs = 0;
  choices.length = 0;
});

test('of a request a choice keeps what explains it, and no body', () => {
  const { chooser } = setUp();
  chooser.choose(Object.assign(requestOf(), { body: Buffer.alloc(9) }));
  expect(choices[0]?.request).toEqual({ id: 'r', model: 'm', promptTokens: 900 });
});

test('nobody has room', () => {
  const { chooser } = setUp(() => false);
  expect(chooser.choose(requestOf())).toBeUndefined();
  expect(choices).toEqual([]);
});

test('where it failed a request does not go again, room there or not, unless there is no other endpoint', () => {
  const { pool, chooser } = setUp();
  const [a] = pool.endpoints as [Endpoint];
  for (let round = 0; round < 6; round += 1) expect(chooser.choose(requestOf({ failedAt: a }))?.endpoint).not.toBe(a);
  const full = setUp((endpoint) => endpoint.host === 'a:80');
  expect(full.chooser.choose(requestOf({ failedAt: full.pool.endpoints[0] }))).toBeUndefined();
  pool.replace([{ url: a.url, labels: {} }]);
  expect(chooser.choose(requestOf({ failedAt: a }))?.endpoint).toBe(a);
});

test('a conversation goes back to where its beginning is cached, and counts only what is not', () => {
  const { chooser } = setUp();
  const first = chooser.choose(requestOf());
  first?.entry.close();
  const second = chooser.choose(requestOf());
  expect(second?.endpoint).toBe(first?.endpoint);
  expect(second?.entry.request.cachedTokens).toBe(11 * 64);
  expect(second?.endpoint.ledger.realtime.prefillTokens).toBe(900 - 704);
  expect(
    explain(choices[1]!)
      .candidates.map(({ prefixShare }) => prefixShare)
      .filter((share) => share > 0),
  ).toEqual([1]);
});

test('a prefix does not hold a request where others would be much sooner', () => {
  const { pool, chooser } = setUp();
  const home = chooser.choose(requestOf())!.endpoint;
  for (let other = 0; other < 8; other += 1) {
    home.ledger.open({ ...requestOf(), cachedTokens: 0, firstTokenExpectedAtMs: 0, ttftAloneMs: 0 });
  }
  expect(chooser.choose(requestOf())?.endpoint).not.toBe(home);
  expect(pool.endpoints).toContain(home);
});

test('what became of a request teaches the endpoint that served it, and no other', () => {
  const { pool, chooser } = setUp();
  const { endpoint, entry } = chooser.choose(requestOf())!;
  clock.nowMs = 80;
  entry.sawFirstByte(true);
  clock.nowMs = 1070;
  entry.close();
  entry.report({ promptTokens: 700, completionTokens: 100, cachedTokens: 0 });
  expect(pool.endpoints.map(({ latency }) => latency.samples).sort()).toEqual([0, 0, 1]);
  expect(endpoint.latency.samples).toBe(1);
});

test.each([
  ['that nothing was cached', 0, 256],
  ['nothing of its cache', undefined, mostBlocks],
])('an answer that says %s, where a prefix was expected', (_, cachedTokens, horizon) => {
  const { chooser } = setUp();
  chooser.choose(requestOf());
  const { endpoint, entry } = chooser.choose(requestOf())!;
  entry.report({ promptTokens: 900, completionTokens: 1, cachedTokens });
  expect(endpoint.prefixes.horizon).toBe(horizon);
});

test('an answer that came whole tells of its time per token, where it is long enough', () => {
  const { chooser } = setUp();
  const tpotAfter = (tokens: number) => {
    const { endpoint, entry } = chooser.choose(requestOf({ stream: false, promptTokens: 1 }))!;
    clock.nowMs = entry.request.firstTokenExpectedAtMs + tokens * 100;
    entry.sawFirstByte(true);
    entry.close();
    entry.report({ promptTokens: 1, completionTokens: tokens, cachedTokens: 0 });
    return endpoint.latency.idleTpotMs;
  };
  expect(tpotAfter(31)).toBeCloseTo(8, 0);
  for (let answer = 0; answer < 20; answer += 1) tpotAfter(64);
  expect(tpotAfter(64)).toBeGreaterThan(60);
});

test('an error, fast or slow, teaches nothing', () => {
  const { chooser } = setUp();
  const { endpoint, entry } = chooser.choose(requestOf())!;
  clock.nowMs = 1;
  entry.sawFirstByte(false);
  entry.close();
  expect(endpoint.latency.samples).toBe(0);
});

test('choices can be explained: every candidate with its score, the winner, and why', () => {
  const { chooser } = setUp();
  const recent = new RecentChoices();
  for (let round = 0; round < 30; round += 1) {
    const { endpoint } = chooser.choose(requestOf({ id: `r${round}` }))!;
    const choice = choices.at(-1)!;
    recent.add(choice);
    const { winner, rule, candidates } = explain(choice);
    expect([winner, rule]).toEqual([endpoint.host, expect.stringContaining('no prediction can be trusted')]);
    expect(candidates).toHaveLength(3);
    expect(candidates.find((each) => each.endpoint === winner)?.score).toBe(1);
    expect(candidates[0]).toMatchObject({ predicted: null, decodes: 0, kvCacheUtilization: 0 });
  }
  expect(recent.explained().map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 20 }, (_, back) => `r${29 - back}`),
  );
});
