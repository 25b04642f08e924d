import { describe, expect, test } from 'vitest';
import type { CallRequest, WaitingCall } from '../../../../functions/processor/dispatch/call-request.ts';
import { PoolQueue } from '../../../../functions/processor/dispatch/pool-queue.ts';
import type { GateVerdict } from '../../../../functions/processor/dispatch/verdict.ts';
import { never } from '../../../../shared/runtime/clock.ts';
import { mono, unix } from '../../../support/instants.ts';

const go: GateVerdict = { action: 'dispatch', reason: 'free' };
const wait = (reason: 'limit' | 'breaker', untilMs?: number): GateVerdict => ({
  action: 'wait',
  reason,
  ...(untilMs === undefined ? {} : { untilMs: mono(untilMs) }),
});

const policy = {};

/** A message that waits: its name, its subscription, its deadline, its tenant. */
const waiting = (message: string, subscription = 's', deadlineAtMs = 1, tenant = '', of = policy): WaitingCall => ({
  request: { message, subscription, policy: of, deadlineAtMs: unix(deadlineAtMs), tenant, sizeBytes: 1 } as CallRequest,
  settle: () => undefined,
  watches: [],
  place: undefined,
});

/** Gives out what the verdicts, by message, allow; tells in which order, and when to look again. */
function dispatch(queue: PoolQueue, verdicts: Readonly<Record<string, GateVerdict>> = {}, urgent = 0) {
  const granted: string[] = [];
  const wakeAtMs = queue.dispatch(
    ({ message }) => verdicts[message] ?? go,
    undefined,
    (call) => {
      granted.push(call.request.message);
      queue.began(call.request);
      queue.remove(call);
    },
    ({ deadlineAtMs }) => deadlineAtMs < urgent,
  );
  return { granted, wakeAtMs };
}

test('subscriptions take turns, and in one the earliest deadline is first', () => {
  const queue = new PoolQueue();
  for (const [message, subscription, deadline] of [
    ['a late', 'a', 9],
    ['a early', 'a', 1],
    ['b', 'b', 5],
    ['a middle', 'a', 4],
  ] as const) {
    queue.add(waiting(message, subscription, deadline), false);
  }
  expect(dispatch(queue)).toEqual({ granted: ['a early', 'b', 'a middle', 'a late'], wakeAtMs: never });
});

test.each<[string, string, object, string[]]>([
  ['of the same producer go first', '', policy, ['x', 'y', 'a', 'b', 'z']],
  ['of another tenant take turns', 'other', policy, ['x', 'a', 'y', 'b', 'z']],
  ['of another policy take turns', '', {}, ['x', 'a', 'y', 'b', 'z']],
])('urgent messages of another lane %s', (_, tenant, of, order) => {
  const queue = new PoolQueue();
  queue.add(waiting('a', 'patient', 50), false);
  queue.add(waiting('b', 'patient', 60), false);
  for (const [index, message] of ['x', 'y', 'z'].entries()) {
    queue.add(waiting(message, 'urgent', [7, 8, 70][index], tenant, of), false);
  }
  expect(dispatch(queue, {}, 10).granted).toEqual(order);
});

test('an urgent message that may not go holds no other up', () => {
  const queue = new PoolQueue();
  queue.add(waiting('a', 'patient', 50), false);
  queue.add(waiting('x', 'urgent', 7), false);
  expect(dispatch(queue, { x: wait('breaker') }, 10).granted).toEqual(['a']);
});

describe('tenants of one subscription', () => {
  /** One place, which is given back at once. */
  function serve(queue: PoolQueue): string | undefined {
    let served: CallRequest | undefined;
    queue.dispatch(
      () => (served ? wait('limit') : go),
      undefined,
      (call) => {
        served = call.request;
        queue.began(call.request);
        queue.remove(call);
      },
    );
    if (served) queue.ended(served);
    return served?.message;
  }

  test('take turns, whatever their deadlines, and in one the earliest deadline is first', () => {
    const queue = new PoolQueue();
    const deadlines = { a: [1, 2, 3, 4], b: [90, 80] };
    for (const [tenant, each] of Object.entries(deadlines)) {
      for (const at of each) queue.add(waiting(`${tenant}${at}`, 's', at, tenant), false);
    }
    const served = Array.from({ length: 6 }, () => serve(queue));
    expect(served).toEqual(['a1', 'b80', 'a2', 'b90', 'a3', 'a4']);
  });

  test('a place goes to the one with the fewest calls under way', () => {
    const queue = new PoolQueue();
    for (const at of [1, 2, 3]) queue.add(waiting(`a${at}`, 's', at, 'a'), false);
    dispatch(queue);
    for (const at of [4, 5]) queue.add(waiting(`a${at}`, 's', at, 'a'), false);
    for (const at of [8, 9]) queue.add(waiting(`b${at}`, 's', at, 'b'), false);
    expect(dispatch(queue).granted).toEqual(['b8', 'b9', 'a4', 'a5']);
  });

  test('an endless row of new ones does not starve one that waits', () => {
    const queue = new PoolQueue();
    queue.add(waiting('first', 's', 1, 'patient'), false);
    queue.add(waiting('second', 's', 99, 'patient'), false);
    const served = [0, 1, 2, 3].map((index) => {
      queue.add(waiting(`new ${index}`, 's', 2, `tenant ${index}`), false);
      return serve(queue);
    });
    expect(served).toEqual(['first', 'new 0', 'new 1', 'second']);
  });

  test('are forgotten with their last message and call', () => {
    const queue = new PoolQueue();
    queue.add(waiting('a', 's', 1, 'a'), false);
    queue.add(waiting('b', 's', 2, 'b'), false);
    serve(queue);
    expect(queue.subscriptions[0]?.tenants).toHaveLength(1);
  });
});

test('a retry whose time has not come is not looked at', () => {
  const queue = new PoolQueue();
  const early = waiting('early');
  queue.add(early, true);
  expect([queue.hasReady, dispatch(queue).granted]).toEqual([false, []]);
  queue.ripen(early);
  expect([queue.hasReady, dispatch(queue).granted]).toEqual([true, ['early']]);
});

describe('a message that is kept back', () => {
  const rows: [string, Record<string, GateVerdict>, string[], number][] = [
    ['keeps back all behind it', { first: wait('limit') }, ['other'], never],
    ['by a breaker alone keeps back none', { first: wait('breaker') }, ['second', 'other'], never],
    ['tells when to look again', { first: wait('limit', 700) }, ['other'], 700],
    [
      'the soonest of all',
      { first: wait('breaker', 900), second: wait('breaker', 800), other: wait('limit', 850) },
      [],
      800,
    ],
  ];
  test.each(rows)('%s', (_, verdicts, granted, wakeAtMs) => {
    const queue = new PoolQueue();
    queue.add(waiting('first', 'a', 1), false);
    queue.add(waiting('second', 'a', 2), false);
    queue.add(waiting('other', 'b', 3), false);
    expect(dispatch(queue, verdicts)).toEqual({ granted, wakeAtMs });
  });
});

test('a subscription without messages and calls is forgotten', () => {
  const queue = new PoolQueue();
  const call = waiting('m');
  queue.add(call, false);
  expect(queue.subscriptions).toHaveLength(1);
  dispatch(queue);
  expect(queue.subscriptions.map(({ inFlight, waiting: count }) => [inFlight, count])).toEqual([[1, 0]]);
  queue.ended(call.request);
  expect(queue.subscriptions).toEqual([]);
});
