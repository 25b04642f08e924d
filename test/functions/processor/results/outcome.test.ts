import { describe, expect, test } from 'vitest';
import { type CallClass, type CallEnd, readAnswer } from '../../../../functions/processor/call/answer.ts';
import {
  afterCall,
  afterExpiry,
  afterRefusal,
  afterWait,
  describeEnd,
  type EndedAttempt,
  unrepeatableEnding,
  withoutCredential,
  withoutTime,
} from '../../../../functions/processor/results/outcome.ts';
import { unix } from '../../../support/instants.ts';
import { identity } from '../identities.ts';

const request = {
  ...identity,
  deadlineAtMs: unix(10_000),
  endpoint: '/v1/completions',
  payload: new Uint8Array(0),
  headers: {},
  maxOutputTokens: undefined,
};
const answer = (status: number): CallEnd => ({
  end: 'answer',
  answer: readAnswer(status, {}, Buffer.from('x')),
});
const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };

interface Row {
  callClass: CallClass;
  call?: CallEnd;
  attemptsFailed?: number;
  lastStatus?: number;
  nowMs?: number;
  probe?: boolean;
  firstFailedAtMs?: number;
  retrySpanMs?: number;
  mayWaitMs?: number;
}

describe('what follows a call', () => {
  const rows: [string, Row, object][] = [
    ['success', { callClass: 'success', call: answer(200) }, { step: 'finish', attempts: 1, ending: answerOf(200) }],
    [
      'success at the third attempt',
      { callClass: 'success', call: answer(200), attemptsFailed: 2 },
      { step: 'finish', attempts: 3 },
    ],
    [
      'the request’s own error',
      { callClass: 'final', call: answer(422) },
      { step: 'finish', attempts: 1, ending: answerOf(422) },
    ],
    [
      'longer than a message',
      { callClass: 'final', call: { end: 'too-large', status: 200, headers: {} } },
      { step: 'finish', attempts: 1, ending: { errorCode: 'RESULT_TOO_LARGE', statusCode: 200 } },
    ],
    ['no capacity', { callClass: 'capacity', call: answer(429) }, { step: 'wait-on', pauseMs: 0 }],
    [
      'unreachable, with a second left to wait',
      { callClass: 'unreachable', call: { end: 'unreachable', message: 'x' }, mayWaitMs: 1000 },
      { step: 'wait-on', pauseMs: 1000 },
    ],
    [
      'unreachable, with less than a second left to wait',
      { callClass: 'unreachable', call: { end: 'unreachable', message: 'x' }, mayWaitMs: 999 },
      { step: 'give-back', status: 503 },
    ],
    [
      'an unreachable probe',
      { callClass: 'unreachable', call: answer(503), probe: true },
      { step: 'wait-on', pauseMs: 0 },
    ],
    [
      'the operator’s error of a probe',
      { callClass: 'operators-error', call: answer(401), probe: true },
      { step: 'wait-on', pauseMs: 0 },
    ],
    ['a probe that fails', { callClass: 'failure', call: answer(500), probe: true }, { step: 'retry' }],
    ['operator’s error', { callClass: 'operators-error', call: answer(401), mayWaitMs: 5000 }, { step: 'give-back' }],
    ['aborted', { callClass: 'aborted', call: { end: 'aborted' } }, { step: 'give-back' }],
    ['a failure', { callClass: 'failure', call: answer(500) }, { step: 'retry', lastStatus: 500 }],
    ['a failure without an answer', { callClass: 'failure' }, { step: 'retry', lastStatus: undefined }],
    [
      'a failure without an answer after one with',
      { callClass: 'failure', lastStatus: 503 },
      { step: 'retry', lastStatus: 503 },
    ],
    [
      'the last failure, with an answer',
      { callClass: 'failure', call: answer(500), attemptsFailed: 2 },
      { step: 'finish', attempts: 3, deadLetter: 'ATTEMPTS_EXHAUSTED', ending: answerOf(500) },
    ],
    [
      'the last failure, without an answer',
      { callClass: 'failure', attemptsFailed: 2, lastStatus: 503 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'ATTEMPTS_EXHAUSTED', statusCode: 503 },
      },
    ],
    [
      'a failure after all attempts, before the span has passed',
      { callClass: 'failure', attemptsFailed: 7, firstFailedAtMs: 1000, retrySpanMs: 2000, nowMs: 2999 },
      { step: 'retry' },
    ],
    [
      'a failure after all attempts and the span',
      { callClass: 'failure', attemptsFailed: 7, firstFailedAtMs: 1000, retrySpanMs: 2000, nowMs: 3000 },
      { step: 'finish', attempts: 8, deadLetter: 'ATTEMPTS_EXHAUSTED' },
    ],
    [
      'a failure after the span, before all attempts',
      { callClass: 'failure', attemptsFailed: 1, firstFailedAtMs: 1000, retrySpanMs: 2000, nowMs: 9000 },
      { step: 'retry' },
    ],
    [
      'a span that is longer than a quarter of the time which the request has',
      { callClass: 'failure', attemptsFailed: 2, firstFailedAtMs: 1000, retrySpanMs: 300_000, nowMs: 3500 },
      { step: 'finish', deadLetter: 'ATTEMPTS_EXHAUSTED' },
    ],
    [
      'all attempts of a message that does not say since when they fail',
      { callClass: 'failure', attemptsFailed: 2, retrySpanMs: 1 },
      { step: 'retry' },
    ],
    [
      'the deadline passed meanwhile',
      { callClass: 'failure', nowMs: 10_000 },
      {
        step: 'finish',
        attempts: 1,
        deadLetter: 'DEADLINE_EXCEEDED',
        ending: { errorCode: 'DEADLINE_EXCEEDED', statusCode: 0 },
      },
    ],
    [
      'the deadline passed with the last failure: the attempts are used up all the same',
      { callClass: 'failure', attemptsFailed: 2, nowMs: 10_000 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'DEADLINE_EXCEEDED', statusCode: 0 },
      },
    ],
    [
      'the last failure, with more of an answer than a result can hold',
      { callClass: 'failure', call: { end: 'too-large', status: 500, headers: {} }, attemptsFailed: 2 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'RESULT_TOO_LARGE', statusCode: 500 },
      },
    ],
    [
      'the deadline passed meanwhile, with an answer to show',
      { callClass: 'failure', call: answer(500), nowMs: 10_000 },
      { step: 'finish', attempts: 1, ending: answerOf(500) },
    ],
  ];
  test.each(rows)('%s', (_, row, expected) => {
    const firstFailedAtMs = row.firstFailedAtMs === undefined ? undefined : unix(row.firstFailedAtMs);
    const attempt: EndedAttempt = {
      request: { ...request, attemptsFailed: row.attemptsFailed ?? 0, lastStatus: row.lastStatus, firstFailedAtMs },
      call: row.call ?? broken,
      callClass: row.callClass,
      isProbe: row.probe ?? false,
      mayWaitMs: row.mayWaitMs ?? 0,
      maxAttempts: 3,
      retrySpanMs: row.retrySpanMs ?? 0,
      nowMs: unix(row.nowMs ?? 0),
    };
    expect(afterCall(attempt)).toMatchObject(expected);
  });
});

describe('what follows a wait that brought no place', () => {
  const rows: [string, Parameters<typeof afterWait>[1], object][] = [
    ['no room', { got: 'deferred', reason: 'limit' }, { status: 429, why: 'limit' }],
    ['too early', { got: 'deferred', reason: 'too-early' }, { status: 429, why: 'too-early' }],
    ['an outage', { got: 'deferred', reason: 'breaker' }, { status: 503, why: 'breaker' }],
    ['an abort', { got: 'aborted' }, { status: 503, why: 'aborted' }],
  ];
  test.each(rows)('%s gives the message back', (_, outcome, expected) => {
    expect(afterWait(request, outcome)).toEqual({ step: 'give-back', request, ...expected });
  });
  test('a deadline that has passed is a result', () => {
    expect(afterWait(request, { got: 'expired' })).toEqual(afterExpiry(request));
  });
});

test('a request that is too late shows the status of an earlier delivery, and counts its attempts', () => {
  expect(afterExpiry({ ...request, attemptsFailed: 2, lastStatus: 503 })).toEqual({
    step: 'finish',
    identity: { ...request, attemptsFailed: 2, lastStatus: 503 },
    ending: { errorCode: 'DEADLINE_EXCEEDED', message: 'the deadline has passed', statusCode: 503 },
    attempts: 2,
    deadLetter: 'DEADLINE_EXCEEDED',
  });
});

test('a message that can never succeed says why', () => {
  expect(afterRefusal({ ...identity, attemptsFailed: 1 }, 'id must be a string')).toMatchObject({
    step: 'finish',
    ending: { errorCode: 'INVALID_REQUEST', message: 'id must be a string', statusCode: 0 },
    attempts: 1,
    deadLetter: 'INVALID_REQUEST',
  });
});

test('without a credential, and without time, the message goes back', () => {
  expect(withoutCredential(request)).toMatchObject({ step: 'give-back', status: 503 });
  expect(withoutTime(request)).toMatchObject({ step: 'give-back', status: 429 });
});

test('a failure that cannot be published again ends with its answer, or with what happened', () => {
  expect(unrepeatableEnding(request, answer(500))).toMatchObject(answerOf(500));
  expect(unrepeatableEnding({ ...request, lastStatus: 502 }, broken)).toEqual({
    errorCode: 'INFERENCE_ERROR',
    message: 'ECONNRESET, and the message leaves no room for the attributes of a retry',
    statusCode: 502,
  });
});

test.each<[CallEnd, string]>([
  [answer(500), 'the gateway answered 500'],
  [{ end: 'too-large', status: 200, headers: {} }, 'the gateway answered 200 with more than a result can hold'],
  [{ end: 'aborted' }, 'the call was aborted'],
  [broken, 'ECONNRESET'],
])('%j is told in a sentence', (end, sentence) => {
  expect(describeEnd(end)).toBe(sentence);
});

function answerOf(status: number): object {
  return { answer: { status } };
}
