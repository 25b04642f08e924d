import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import { answering, startProcessorWorld, type WorldOptions, type WorldPush, wallStartMs } from './processor-world.ts';

const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
const unreachable: CallEnd = { end: 'unreachable', message: 'ECONNREFUSED' };
const chat = '/v1/chat/completions';
const called = ['judged dispatch free', `call ${chat}`];

describe('a request’s life, told in this order and nothing else', () => {
  const rows: [string, readonly CallEnd[], WorldPush, readonly string[], WorldOptions?][] = [
    [
      'success',
      [answering(200)],
      {},
      [...called, 'called success', 'publish results', 'answered succeeded 1', 'delivered 204'],
    ],
    [
      'the request’s own error',
      [answering(422)],
      {},
      [...called, 'called final', 'publish results', 'answered failed 1', 'delivered 204'],
    ],
    ['retry', [broken], {}, [...called, 'called failure', 'publish retries', 'retried 1', 'delivered 204']],
    [
      'no room, then success',
      [answering(429), answering(200)],
      {},
      [
        ...called,
        'called capacity',
        'judged wait shed',
        'read open',
        ...called,
        'called success',
        'publish results',
        'answered succeeded 1',
        'delivered 204',
      ],
    ],
    [
      'no room for as long as it may wait',
      Array.from({ length: 20 }, () => answering(429, '', { 'retry-after': '60' })),
      {},
      [
        ...called,
        'called capacity',
        'judged wait shed',
        'judged defer shed',
        'given back 429 shed',
        'read open',
        'delivered 429',
      ],
      { settings: { maxWaitMs: 8000 } },
    ],
    [
      'the last attempt, with its dead letter',
      [answering(500)],
      { attributes: { attempt: '4' } },
      [...called, 'called failure', 'publish dead', 'publish results', 'answered failed 5', 'delivered 204'],
      { settings: { retrySpanMs: 0 } },
    ],
    [
      'a message that can never succeed',
      [],
      { data: { id: 'x', payload: 5 } },
      ['publish dead', 'publish results', 'answered invalid 0', 'delivered 204'],
    ],
    [
      'a message that is too late',
      [],
      { data: { deadline: wallStartMs / 1000 - 1, payload: { messages: [] } } },
      ['publish results', 'answered expired 0', 'delivered 204'],
    ],
    [
      'a retry that comes too early',
      [],
      { subscription: 'retries', attributes: { attempt: '1', retry_at: String(wallStartMs / 1000 + 60) } },
      ['judged wait too-early', 'judged defer too-early', 'given back 429 too-early', 'read open', 'delivered 429'],
    ],
    [
      'a retry that comes in time and has to wait',
      [answering(200)],
      { subscription: 'retries', attributes: { attempt: '1', retry_at: String(wallStartMs / 1000 + 3) } },
      [
        'judged wait too-early',
        ...called,
        'called success',
        'publish results',
        'answered succeeded 2',
        'delivered 204',
      ],
    ],
    [
      'no gateway, and a second later there is one',
      [unreachable, answering(200)],
      {},
      [
        ...called,
        'called unreachable',
        'judged wait too-early',
        ...called,
        'called success',
        'publish results',
        'answered succeeded 1',
        'delivered 204',
      ],
    ],
    [
      'the operator’s error',
      [answering(401)],
      {},
      [...called, 'called operators-error', 'given back 503 the gateway answered 401', 'delivered 503'],
    ],
    [
      'no credential',
      [],
      {},
      ['judged dispatch free', 'no credential', 'given back 503 no credential for the gateway', 'delivered 503'],
      { credential: () => Promise.reject(new Error('no metadata server')) },
    ],
    [
      'no time for a call',
      [],
      {},
      ['judged dispatch free', 'given back 429 no time is left for a call', 'delivered 429'],
      { settings: { ackDeadlineMs: 20_000 } },
    ],
  ];
  test.each(rows)('%s', async (_, ends, push, expected, options = {}) => {
    const world = await startProcessorWorld(options);
    world.play((_call, index) => ends[index] ?? answering(200));
    await world.push(push);
    expect(world.told()).toEqual(expected);
    expect(world.calls.length).toBeLessThanOrEqual(Math.max(ends.length, 1));
    expect([world.pool.inFlight, world.clock.pendingTimers()]).toEqual([0, 0]);
  });
});
