import { describe, expect, test } from 'vitest';
import { type CallClass, type CallEnd, readAnswer } from '../../../../functions/processor/call/answer.ts';
import { callTimeoutMs } from '../../../../functions/processor/message/deadline.ts';
import { type CallOutcome, nextStep } from '../../../../functions/processor/results/outcome.ts';
import { unix } from '../../../support/instants.ts';
import { identity } from '../identities.ts';

const request = {
  ...identity,
  deadlineAtMs: unix(10_000),
  endpoint: '/v1/completions',
  payload: new Uint8Array(0),
  headers: {},
};
const answer = (status: number): CallEnd => ({
  end: 'answer',
  answer: readAnswer(status, {}, Buffer.from('x')),
});
const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };

interface Row {
  classified: CallClass;
  call?: CallEnd;
  attemptsFailed?: number;
  lastStatus?: number;
  nowMs?: number;
  outage?: boolean;
}

describe('what follows a call', () => {
  const rows: [string, Row, object][] = [
    ['success', { classified: 'success', call: answer(200) }, { step: 'finish', attempts: 1, ending: answerOf(200) }],
    [
      'success at the third attempt',
      { classified: 'success', call: answer(200), attemptsFailed: 2 },
      { step: 'finish', attempts: 3 },
    ],
    [
      'the request’s own error',
      { classified: 'final', call: answer(422) },
      { step: 'finish', attempts: 1, ending: answerOf(422) },
    ],
    [
      'longer than a message',
      { classified: 'final', call: { end: 'too-large', status: 200, headers: {} } },
      { step: 'finish', attempts: 1, ending: { errorCode: 'RESULT_TOO_LARGE', statusCode: 200 } },
    ],
    ['no capacity', { classified: 'capacity', call: answer(429) }, { step: 'wait-on' }],
    ['unreachable', { classified: 'unreachable', call: { end: 'unreachable', message: 'x' } }, { step: 'give-back' }],
    ['operator’s error', { classified: 'operators-error', call: answer(401) }, { step: 'give-back' }],
    ['aborted', { classified: 'aborted', call: { end: 'aborted' } }, { step: 'give-back' }],
    ['a failure', { classified: 'failure', call: answer(500) }, { step: 'retry', lastStatus: 500 }],
    ['a failure without an answer', { classified: 'failure' }, { step: 'retry', lastStatus: undefined }],
    [
      'a failure without an answer after one with',
      { classified: 'failure', lastStatus: 503 },
      { step: 'retry', lastStatus: 503 },
    ],
    ['a failure amid an outage', { classified: 'failure', outage: true }, { step: 'give-back' }],
    [
      'the last failure, with an answer',
      { classified: 'failure', call: answer(500), attemptsFailed: 2 },
      { step: 'finish', attempts: 3, deadLetter: 'ATTEMPTS_EXHAUSTED', ending: answerOf(500) },
    ],
    [
      'the last failure, without an answer',
      { classified: 'failure', attemptsFailed: 2, lastStatus: 503 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'ATTEMPTS_EXHAUSTED', statusCode: 503 },
      },
    ],
    [
      'the deadline passed meanwhile',
      { classified: 'failure', nowMs: 10_000 },
      {
        step: 'finish',
        attempts: 1,
        deadLetter: 'DEADLINE_EXCEEDED',
        ending: { errorCode: 'DEADLINE_EXCEEDED', statusCode: 0 },
      },
    ],
    [
      'the deadline passed with the last failure: the attempts are used up all the same',
      { classified: 'failure', attemptsFailed: 2, nowMs: 10_000 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'DEADLINE_EXCEEDED', statusCode: 0 },
      },
    ],
    [
      'the last failure, with more of an answer than a result can hold',
      { classified: 'failure', call: { end: 'too-large', status: 500, headers: {} }, attemptsFailed: 2 },
      {
        step: 'finish',
        attempts: 3,
        deadLetter: 'ATTEMPTS_EXHAUSTED',
        ending: { errorCode: 'RESULT_TOO_LARGE', statusCode: 500 },
      },
    ],
    [
      'the deadline passed meanwhile, with an answer to show',
      { classified: 'failure', call: answer(500), nowMs: 10_000 },
      { step: 'finish', attempts: 1, ending: answerOf(500) },
    ],
  ];
  test.each(rows)('%s', (_, row, expected) => {
    const outcome: CallOutcome = {
      request: { ...request, attemptsFailed: row.attemptsFailed ?? 0, lastStatus: row.lastStatus },
      call: row.call ?? broken,
      classified: row.classified,
      outage: row.outage ?? false,
      maxAttempts: 3,
      nowMs: unix(row.nowMs ?? 0),
    };
    expect(nextStep(outcome)).toMatchObject(expected);
  });
});

describe('how long a call may take', () => {
  const time = { requestTimeoutMs: 540_000, ackDeadlineMs: 600_000, spentMs: 0, leftMs: 1e9 };
  const rows: [string, Partial<typeof time>, number][] = [
    ['its own limit', {}, 540_000],
    ['the deadline', { leftMs: 5000 }, 5000],
    ['what the push leaves', { spentMs: 100_000 }, 480_000],
    ['nothing', { spentMs: 580_000 }, 0],
  ];
  test.each(rows)('%s', (_, changed, expected) => {
    expect(callTimeoutMs({ ...time, ...changed })).toBe(expected);
  });
});

function answerOf(status: number): object {
  return { answer: { status } };
}
