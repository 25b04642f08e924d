import { describe, expect, test } from 'vitest';
import { type CallClass, type CallEnd, readAnswer } from '../../../../functions/processor/call/answer.ts';
import { callOutcome } from '../../../../functions/processor/call/call-outcome.ts';
import { mono, unix } from '../../../support/instants.ts';

const nowMs = unix(Date.UTC(2026, 10, 23, 12));
const call = (end: CallEnd) => ({
  end,
  startedAtMs: mono(1000),
  endedAtMs: mono(3500),
  sentAtMs: nowMs,
  traceparent: '',
  requestId: '',
});
const answer = (status: number, body = '', headers = {}): CallEnd => ({
  end: 'answer',
  answer: readAnswer(status, headers, Buffer.from(body)),
});
const broken: CallEnd = { end: 'broken', message: 'x' };

describe('what a call tells its pool', () => {
  const usage = '{"usage":{"prompt_tokens":12,"completion_tokens":34}}';
  const generation = { outputTokens: 34, durationMs: 2500 };
  const rows: [string, CallClass, CallEnd, object][] = [
    ['a success, and its pace', 'success', answer(200, usage), { became: 'success', generation }],
    [
      'a success that counts no tokens',
      'success',
      answer(200),
      { became: 'success', generation: { outputTokens: undefined, durationMs: 2500 } },
    ],
    [
      'a success that generates none',
      'success',
      answer(200, '{"usage":{"prompt_tokens":12}}'),
      { became: 'success', generation: { outputTokens: 0, durationMs: 2500 } },
    ],
    ['the request’s own error', 'final', answer(422), { became: 'refused' }],
    ['no room', 'capacity', answer(429), { became: 'capacity', retryAfterMs: 0 }],
    [
      'no room for 3 s',
      'capacity',
      answer(429, '', { 'retry-after': '3' }),
      { became: 'capacity', retryAfterMs: 3000 },
    ],
    [
      'no room until a date',
      'capacity',
      answer(429, '', { 'retry-after': 'Mon, 23 Nov 2026 12:00:07 GMT' }),
      { became: 'capacity', retryAfterMs: 7000 },
    ],
    ['no connection', 'unreachable', { end: 'unreachable', message: 'x' }, { became: 'failure' }],
    ['the operator’s error', 'operators-error', answer(401), { became: 'failure' }],
    ['a failure', 'failure', broken, { became: 'failure' }],
    ['an abort', 'aborted', { end: 'aborted' }, { became: 'ignored' }],
  ];
  test.each(rows)('%s', (_, callClass, end, expected) => {
    expect(callOutcome(call(end), callClass, { leftMs: 60_000, nowMs })).toEqual(expected);
  });

  const cut: [string, CallClass, CallEnd, number, object][] = [
    ['a call cut by its deadline', 'failure', broken, 2500, { became: 'ignored' }],
    [
      'a connection that was not made by then',
      'unreachable',
      { end: 'unreachable', message: 'x' },
      2500,
      { became: 'ignored' },
    ],
    ['a call cut long before its deadline', 'failure', broken, 2600, { became: 'failure' }],
    ['an answer that comes after the deadline', 'failure', answer(500), 2000, { became: 'failure' }],
  ];
  test.each(cut)('%s', (_, callClass, end, leftMs, expected) => {
    expect(callOutcome(call(end), callClass, { leftMs, nowMs })).toEqual(expected);
  });
});
