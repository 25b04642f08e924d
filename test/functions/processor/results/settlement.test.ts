import { describe, expect, test } from 'vitest';
import { type CallEnd, readAnswer } from '../../../../functions/processor/call/answer.ts';
import type { FinishStep, RetryStep } from '../../../../functions/processor/results/outcome.ts';
import { type SettledPush, settle } from '../../../../functions/processor/results/settlement.ts';
import { mono, unix } from '../../../support/instants.ts';
import { identity } from '../identities.ts';

const nowMs = unix(100_000);
const data = Buffer.from('{"payload":{}}');
const answer = (status: number, headers = {}): CallEnd & { end: 'answer' } => ({
  end: 'answer',
  answer: readAnswer(status, headers, Buffer.from('x')),
});
const push: SettledPush = {
  message: { data, attributes: { team: 'search' } },
  policy: { resultTopic: 'results', retryTopic: 'retries', deadLetterTopic: 'dead' },
  origin: 'requests',
  deadLetterExpired: false,
  lastCall: undefined,
};
const call = {
  end: answer(200),
  startedAtMs: mono(5),
  endedAtMs: mono(945),
  sentAtMs: unix(99_000),
  traceparent: '00-call',
  requestId: 'sent',
};
const finish: FinishStep = { step: 'finish', identity, ending: { answer: answer(200).answer }, attempts: 1 };
const expired = { errorCode: 'DEADLINE_EXCEEDED', message: 'the deadline has passed', statusCode: 0 } as const;

describe('a dead letter', () => {
  const spent: FinishStep = { ...finish, deadLetter: 'ATTEMPTS_EXHAUSTED', attempts: 5 };
  const late: FinishStep = { ...finish, ending: expired, deadLetter: 'DEADLINE_EXCEEDED' };
  const rows: [string, FinishStep, Partial<SettledPush>, string[]][] = [
    ['is not due for a success', finish, {}, ['results']],
    ['comes before the result', spent, {}, ['dead', 'results']],
    ['is not due for an expired one', late, {}, ['results']],
    ['is due for an expired one where that is asked for', late, { deadLetterExpired: true }, ['dead', 'results']],
    [
      'has nowhere to go where there is no topic',
      spent,
      { policy: { ...push.policy, deadLetterTopic: undefined } },
      ['results'],
    ],
  ];
  test.each(rows)('%s', (_, last, changed, topics) => {
    expect(settle(last, { ...push, ...changed }, nowMs, 0).messages.map(({ topic }) => topic)).toEqual(topics);
  });
  test('holds the bytes as they were pushed, and why', () => {
    const [dead] = settle({ ...spent, ending: expired }, push, nowMs, 0).messages;
    expect(dead?.data).toBe(data);
    expect(dead?.attributes).toMatchObject({
      team: 'search',
      failure_reason: 'the deadline has passed',
      original_message_id: '5',
      attempts: '5',
    });
    expect(settle(spent, push, nowMs, 0).messages[0]?.attributes.failure_reason).toBe(
      '5 attempts failed, the last with 200',
    );
  });
});

describe('a result', () => {
  const resultOf = (from: SettledPush) => {
    const { messages, told } = settle(finish, from, nowMs, 0);
    return { ...JSON.parse(Buffer.from(messages[0]!.data).toString()), attributes: messages[0]!.attributes, told };
  };
  test('after a call has its times and its trace', () => {
    const { timings, attributes, told } = resultOf({ ...push, lastCall: call });
    expect(timings).toEqual({ queued_ms: 99_000, inference_ms: 940 });
    expect(attributes.traceparent).toBe('00-call');
    expect(told).toMatchObject({ event: 'answered', outcome: 'succeeded', queuedMs: 99_000, inferenceMs: 940 });
  });
  test('without one was queued until now', () => {
    expect(resultOf(push).timings).toEqual({ queued_ms: 100_000, inference_ms: 0 });
  });
  test('of a publisher whose clock runs ahead was not queued', () => {
    const ahead = { ...finish, identity: { ...identity, firstPublishedAtMs: unix(200_000) } };
    expect(settle(ahead, push, nowMs, 0).told).toMatchObject({ queuedMs: 0 });
  });
});

describe('a retry', () => {
  const request = {
    ...identity,
    deadlineAtMs: unix(1e9),
    endpoint: '/v1/completions',
    payload: data,
    headers: {},
    maxOutputTokens: undefined,
    attemptsFailed: 1,
  };
  const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
  const retry = (changed: Partial<RetryStep> = {}): RetryStep => ({
    step: 'retry',
    request,
    call: broken,
    lastStatus: undefined,
    ...changed,
  });
  test('is one message, and told with its reason', () => {
    const { messages, told } = settle(retry({ lastStatus: 502 }), push, nowMs, 0);
    expect(messages.map(({ topic }) => topic)).toEqual(['retries']);
    expect(messages[0]?.attributes).toMatchObject({ attempt: '2', retry_at: '104', last_status: '502' });
    expect(messages[0]?.attributes.first_failed_at).toBe('1970-01-01T00:01:40.000Z');
    const name = { id: 'doc-17', model: 'm', tenant: 'acme', firstMessageId: '5', traceparent: '' };
    expect(told).toEqual({ event: 'retried', request: name, attempts: 2, why: 'ECONNRESET', retryAtMs: 104_000 });
  });
  test('keeps the time of the first failure', () => {
    const again = retry({ request: { ...request, firstFailedAtMs: unix(40_000) } });
    expect(settle(again, push, nowMs, 0).messages[0]?.attributes.first_failed_at).toBe('1970-01-01T00:00:40.000Z');
  });
  test.each<[string, Partial<RetryStep>, number, number]>([
    ['is drawn from the backoff', {}, 0.5, 106_000],
    ['waits for as long as the gateway asks', { call: answer(503, { 'retry-after': '60' }) }, 0, 160_000],
    [
      'waits until the date that the gateway names',
      { call: answer(503, { 'retry-after': 'Thu, 01 Jan 1970 00:02:30 GMT' }) },
      0,
      150_000,
    ],
    ['waits for half of the time left', { request: { ...request, deadlineAtMs: unix(102_000) } }, 0, 101_000],
  ])('%s', (_, changed, fraction, retryAtMs) => {
    expect(settle(retry(changed), push, nowMs, fraction).told).toMatchObject({ retryAtMs });
  });
  test('that Pub/Sub would not take is a result, without a dead letter', () => {
    const message = { data: Buffer.alloc(9_999_990), attributes: {} };
    const { messages, told } = settle(retry(), { ...push, message }, nowMs, 0);
    expect(messages.map(({ topic }) => topic)).toEqual(['results']);
    expect(told).toMatchObject({ outcome: 'failed', errorCode: 'INFERENCE_ERROR', attempts: 2 });
  });
});
