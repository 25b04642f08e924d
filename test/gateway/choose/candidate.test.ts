import { expect, test } from 'vitest';
import { candidateOf } from '../../../gateway/choose/candidate.ts';
import { Chooser } from '../../../gateway/choose/chooser.ts';
import { leastRequest } from '../../../gateway/choose/policies/least-request.ts';
import type { Policy } from '../../../gateway/choose/policies/policy.ts';
import { Pool } from '../../../gateway/endpoint/pool.ts';
import { openAttempt } from '../../support/attempts.ts';
import { poolOf } from '../../support/pools.ts';
import { chosenFor, noneTaken } from '../../support/queue-items.ts';
import { routingRequestOf } from '../../support/routing-requests.ts';

/** Blocks of a prompt, each of two halves of a hash. */
const blocks = (count: number) => Uint32Array.from({ length: 2 * count }, (_, index) => index + 1);

test('a candidate is the endpoint as the request would meet it', () => {
  const { endpoint } = poolOf('a');
  const a = endpoint('a');
  openAttempt(a, 0, { promptTokens: 300 });
  a.recordLoad({ running: 3, waiting: 2, kvCacheUtilization: 0.25 });
  openAttempt(a, 0, { promptTokens: 100, stream: false });
  const candidate = candidateOf(a, routingRequestOf({ promptTokens: 50 }));
  expect(candidate).toMatchObject({
    endpoint: a,
    inFlight: 2,
    load: 6,
    waiting: 2,
    kvCacheUtilization: 0.25,
    prefixShare: 0,
    waitMs: 0,
    uncachedTokens: 400,
    features: { uncachedTokens: 50, cachedTokens: 0 },
  });
  expect(candidate.prediction).toEqual(a.predict(candidate.features));
});

test.each([
  ['nothing', 0, 10, 640, 0, 0],
  ['half of it', 5, 10, 640, 0.5, 5 * 64],
  ['all of it: one token is computed all the same', 10, 10, 640, 1, 639],
  ['more than the prompt is estimated to have', 10, 10, 100, 1, 99],
  ['a prompt without tokens', 10, 10, 0, 1, 0],
  ['a prompt shorter than a block', 0, 0, 20, 0, 0],
])('of the prompt’s blocks the endpoint has cached %s', (_, stored, length, promptTokens, share, cachedTokens) => {
  const { endpoint } = poolOf('a');
  endpoint('a').prefixes.store(blocks(stored));
  const { prefixShare, features } = candidateOf(
    endpoint('a'),
    routingRequestOf({ promptTokens, promptBlocks: blocks(length) }),
  );
  expect([prefixShare, features.cachedTokens, features.uncachedTokens]).toEqual([
    share,
    cachedTokens,
    promptTokens - cachedTokens,
  ]);
});

test('a policy sees the labels that discovery gave the endpoints, and may choose by them', () => {
  const pool = new Pool({ nowMs: () => 0, staleAfterMs: 1000 });
  const zones = (a: string, b: string) =>
    pool.replace([
      { url: 'http://a:1', labels: { zone: a } },
      { url: 'http://b:1', labels: { zone: b } },
    ]);
  const inZone1: Policy = {
    ...leastRequest,
    score: (candidates) => ({ scores: candidates.map(({ labels }) => Number(labels.zone === '1')), rule: 'zone 1' }),
  };
  const chooser = new Chooser({ pool, policy: inZone1, holdsQueue: true, random: () => 0 });
  const chosen = () => {
    const choice = chooser.choose(chosenFor(), noneTaken);
    return 'winner' in choice ? choice.winner : undefined;
  };
  zones('1', '2');
  expect([chosen()?.endpoint.host, chosen()?.labels]).toEqual(['a:1', { zone: '1' }]);
  zones('2', '1');
  expect([chosen()?.endpoint.host, chosen()?.labels]).toEqual(['b:1', { zone: '1' }]);
});

test.each([
  ['more than what is known here', 2, 0.5, 320],
  ['less', 8, 0.5, 512],
])('what others should have brought counts where it is %s', (_, stored, expectedShare, cachedTokens) => {
  const { endpoint } = poolOf('a');
  endpoint('a').prefixes.store(blocks(stored));
  const request = routingRequestOf({ promptTokens: 640, promptBlocks: blocks(10) });
  const { prefixShare, features } = candidateOf(endpoint('a'), request, expectedShare);
  expect([features.cachedTokens, prefixShare]).toEqual([cachedTokens, stored / 10]);
});
