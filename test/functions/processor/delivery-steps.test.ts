import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import type { WantedCall } from '../../../functions/processor/call/request-call.ts';
import { functionSchema } from '../../../functions/processor/config.ts';
import { Delivery } from '../../../functions/processor/delivery.ts';
import type { AdmissionOutcome, CallRequest } from '../../../functions/processor/dispatch/call-request.ts';
import type { DispatchPool } from '../../../functions/processor/dispatch/dispatch-pool.ts';
import { type CallOutcome, Permit } from '../../../functions/processor/dispatch/permit.ts';
import type { Settlement } from '../../../functions/processor/results/settlement.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { uncollectedSpans } from '../../../functions/processor/tracing.ts';
import { longAgo } from '../../../shared/runtime/clock.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';
import { mono } from '../../support/instants.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { answering } from './processor-world.ts';

const wallStartMs = Date.UTC(2026, 10, 23);
const environment = {
  INFERENCE_GATEWAY_URL: 'http://gateway',
  RESULT_TOPIC: 'results',
  RETRY_TOPIC: 'retries',
  MAX_IN_FLIGHT: '7',
};
const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
const unreachable: CallEnd = { end: 'unreachable', message: 'ECONNREFUSED' };

interface Steps {
  readonly data?: object;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly kept?: Settlement;
  /** How each wait ends; a place at once where there are no more. `ms`: how long it takes. */
  readonly waits?: readonly (AdmissionOutcome['got'] | { readonly ms: number })[];
  readonly credential?: () => Promise<string>;
  /** How each call ends, or that it throws. */
  readonly calls?: readonly (CallEnd | 'throws')[];
  readonly isOpen?: boolean;
  readonly isConfirmed?: boolean;
  readonly ackDeadlineMs?: number;
}

/** One delivery whose every step ends as the test says; what it asked, and what was told of it. */
async function deliver(steps: Steps = {}) {
  const clock = createManualClock(0);
  clock.step(wallStartMs);
  const random = { fraction: () => 0.5, uuid: () => '00000000-0000-4000-8000-000000000001' };
  const policy = readPolicies(undefined, environment).all[0]!;
  const admitted: CallRequest[] = [];
  const permits: (CallOutcome | undefined)[] = [];
  const wanted: WantedCall[] = [];
  const budgets: number[] = [];
  const told: string[] = [];
  const say = (...words: readonly unknown[]): void => void told.push(words.join(' '));
  const waits = [...(steps.waits ?? [])];
  const calls = [...(steps.calls ?? [answering(200)])];
  const spans = uncollectedSpans(random).begin({
    traceparent: '',
    pool: 'p',
    sinceMs: clock.unixMs(),
    isDecoded: true,
  });
  const pool = { name: 'p', breakers: { isOpen: () => steps.isOpen ?? false }, isHealthy: () => false };
  const admit = async (request: CallRequest): Promise<AdmissionOutcome> => {
    admitted.push(request);
    const wait = waits.shift() ?? 'permit';
    if (typeof wait === 'object') await clock.advance(wait.ms);
    if (wait === 'deferred') return { got: 'deferred', reason: 'saturated' };
    if (wait === 'expired' || wait === 'aborted') return { got: wait };
    const index = permits.push(undefined) - 1;
    return {
      got: 'permit',
      permit: new Permit((outcome) => {
        permits[index] = outcome;
      }),
    };
  };
  const delivery = new Delivery(
    {
      message: {
        subscription: 's',
        messageId: 'm1',
        publishedAtMs: clock.unixMs(),
        attributes: steps.attributes ?? {},
        data: Buffer.from(JSON.stringify(steps.data ?? { model: 'm', messages: [] })),
        fault: undefined,
      },
      key: 'key',
      name: 'm1',
      origin: 's',
      policy,
      pool: pool as unknown as DispatchPool,
      labels: { pool: 'p', queue: '' },
      signal: new AbortController().signal,
    },
    {
      clock,
      wall: clock,
      random,
      settings: { ...readConfig(functionSchema, environment), ackDeadlineMs: steps.ackDeadlineMs ?? 600_000 },
      queue: { admit },
      credentialOf: () => steps.credential ?? (async () => 'token'),
      makeCall: async (call) => {
        wanted.push(call);
        call.holdAnswer(9, () => {});
        const end = calls.shift() ?? answering(200);
        if (end === 'throws') throw new Error('thrown');
        const nowMs = clock.nowMs();
        return { end, startedAtMs: nowMs, endedAtMs: nowMs, sentAtMs: clock.unixMs(), traceparent: '', requestId: 'r' };
      },
      bodies: {
        holdAnswer: (sizeBytes) => {
          say('holds', sizeBytes);
          return () => say('releases', sizeBytes);
        },
      },
      outbox: {
        takeKept: () => steps.kept,
        publish: async (_key, _name, due, budgetMs) => {
          budgets.push(budgetMs);
          for (const { topic } of due.messages) say('publishes to', topic);
          return (steps.isConfirmed ?? true) ? { isConfirmed: true } : { isConfirmed: false, error: new Error('no') };
        },
        release: (topics, message) => say('is done with', ...topics, 'for', message),
      },
      control: { of: async () => undefined, watch: () => () => {} },
      results: undefined,
      spans: { begin: () => ({ ...spans, end: (status) => say('ends with', status) }) },
      events: {
        called: (_, callClass) => say('called', callClass),
        answered: () => say('answered'),
        escalated: () => say('escalated'),
        judged: () => say('judged'),
        replayed: () => say('replayed'),
        retried: () => say('retried'),
        unpublished: () => say('unpublished'),
        givenBack: (_, __, status, why) => say('given back', status, why),
        credentialFailed: (_, error) => say('no credential', (error as Error).message),
      },
    },
  );
  const status = await delivery.run().catch((error: Error) => error.message);
  return { status, told, admitted, permits, wanted, budgets };
}

const done = 'is done with results retries for m1';

describe('the steps of a delivery, in their order', () => {
  test.each<[string, Steps, readonly string[]]>([
    [
      'a success',
      {},
      ['holds 9', 'called success', 'publishes to results', 'answered', 'releases 9', done, 'ends with 204'],
    ],
    [
      'a failure',
      { calls: [broken] },
      ['holds 9', 'called failure', 'publishes to retries', 'retried', 'releases 9', done, 'ends with 204'],
    ],
    [
      'a result that is not confirmed',
      { isConfirmed: false },
      ['holds 9', 'called success', 'publishes to results', 'unpublished', 'releases 9', done, 'ends with 503'],
    ],
    ['no place', { waits: ['deferred'] }, ['given back 429 saturated', done, 'ends with 429']],
    ['a push that hung up', { waits: ['aborted'] }, ['given back 503 aborted', done, 'ends with 503']],
    [
      'no credential',
      { credential: () => Promise.reject(new Error('no file')) },
      ['no credential no file', 'given back 503 no credential for the gateway', done, 'ends with 503'],
    ],
    [
      'no time left for a call',
      { waits: [{ ms: 6000 }], ackDeadlineMs: 26_000 },
      ['given back 429 no time is left for a call', done, 'ends with 429'],
    ],
    [
      'no gateway: it waits here and is called again',
      { calls: [unreachable, answering(200)] },
      [
        ...['holds 9', 'called unreachable', 'holds 9', 'called success'],
        ...['publishes to results', 'answered', 'releases 9', 'releases 9', done, 'ends with 204'],
      ],
    ],
    [
      'a probe that finds no gateway waits on, and so does a call without room',
      { isOpen: true, calls: [unreachable, answering(429), answering(200)] },
      [
        ...['holds 9', 'called unreachable', 'holds 9', 'called capacity', 'holds 9', 'called success'],
        ...['publishes to results', 'answered', 'releases 9', 'releases 9', 'releases 9', done, 'ends with 204'],
      ],
    ],
    [
      'what an earlier delivery left unpublished is published without a call',
      {
        kept: {
          stored: [],
          messages: [{ topic: 'kept', data: Buffer.alloc(0), attributes: {} }],
          told: { event: 'retried', request: { id: 'x', traceparent: '' } } as Settlement['told'],
        },
      },
      ['publishes to kept', 'retried', done, 'ends with 204'],
    ],
    ['an error of ours', { calls: ['throws'] }, ['holds 9', 'releases 9', done, 'ends with 503']],
  ])('%s', async (_, steps, expected) => {
    const { told } = await deliver(steps);
    expect(told).toEqual(expected);
  });
});

test.each<[string, Steps, CallOutcome]>([
  ['a success', {}, { became: 'success', generation: expect.anything() }],
  ['a failure', { calls: [broken] }, { became: 'failure' }],
  ['no credential', { credential: () => Promise.reject(new Error('no file')) }, { became: 'ignored' }],
  ['no time left', { waits: [{ ms: 6000 }], ackDeadlineMs: 26_000 }, { became: 'ignored' }],
  ['an error of ours', { calls: ['throws'] }, { became: 'ignored' }],
])('its place is given back once, with what became of the call: %s', async (_, steps, outcome) => {
  const { permits } = await deliver(steps);
  expect(permits).toEqual([outcome]);
});

describe('what the queue is told of a message', () => {
  test('its first delivery', async () => {
    const { admitted } = await deliver({ data: { model: 'm', messages: [], n: 1 }, attributes: { tenant: 'acme' } });
    expect(admitted).toMatchObject([
      {
        message: 'm1',
        tenant: 'acme',
        hasFailed: false,
        subscription: 's',
        path: '/v1/chat/completions',
        topics: ['results', 'retries'],
        maxInFlight: 7,
        notBeforeMs: longAgo,
        deadlineAtMs: wallStartMs + 86_400_000,
        giveUpAtMs: 20_000,
        sizeBytes: 33,
      },
    ]);
  });
  test('a retry before its time', async () => {
    const { admitted } = await deliver({ attributes: { attempt: '1', retry_at: String(wallStartMs / 1000 + 8) } });
    expect(admitted).toMatchObject([{ hasFailed: true, notBeforeMs: mono(8000) }]);
  });
  test('that it may wait in all for as long as once, however often it comes back', async () => {
    const { admitted } = await deliver({
      waits: [{ ms: 5000 }, { ms: 3000 }],
      calls: [answering(429), answering(429), answering(200)],
    });
    expect(admitted.map(({ giveUpAtMs }) => giveUpAtMs)).toEqual([20_000, 20_000, 20_000]);
  });
});

test('a publish has fifteen seconds, and less where the push has less', async () => {
  expect((await deliver()).budgets).toEqual([15_000]);
  expect((await deliver({ waits: [{ ms: 6000 }, 'expired'], ackDeadlineMs: 27_000 })).budgets).toEqual([15_000]);
  const late = await deliver({ waits: [{ ms: 18_000 }], calls: [answering(422)], ackDeadlineMs: 38_500 });
  expect(late.wanted.map(({ timeoutMs }) => timeoutMs)).toEqual([500]);
  expect((await deliver({ waits: ['expired'], ackDeadlineMs: 9000 })).budgets).toEqual([8000]);
});
