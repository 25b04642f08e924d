import { expect, test } from 'vitest';
import { noFunctionFigures } from '../../../../infra/local/stack/summary/function-figures.ts';
import { invitationText, progressText, summaryText } from '../../../../infra/local/stack/summary/stack-texts.ts';

const asynchronous = { messages: 200, answered: 120, failed: 3, duplicates: 2, tokens: 50_000, seconds: 10 };
const ttft = { turns: 40, missed: 2, p50Ms: 21.4, p95Ms: 48 };
const none = { turns: 0, missed: 0, p50Ms: Number.NaN, p95Ms: Number.NaN };

test('progress fits into eighty columns', () => {
  const text = progressText(asynchronous, 1, ttft);
  expect(text).toBe('async 120/200, waiting 80, nacked 1 | TTFT p50 21 ms, p95 48 ms | 5,000 tok/s');
  expect(text.length).toBeLessThan(80);
});

test('before the sample there is chat alone', () => {
  const nothing = { messages: 0, answered: 0, failed: 0, duplicates: 0, tokens: 0, seconds: 0 };
  expect(progressText(nothing, 0, none)).toBe('chat alone | chat begins');
});

test('the summary', () => {
  const summary = {
    asynchronous,
    ttftAlone: ttft,
    ttftBesideAsync: none,
    failedTurns: 1,
    function: {
      nacked: 4,
      deferred: { saturated: 5, limit: 0 },
      sources: ['flow-control'],
      closed: { 'flow-control': 2, pool: 1 },
    },
    out: 'results.jsonl',
  };
  expect(summaryText(summary)).toMatchInlineSnapshot(`
    "  results    120 of 200 messages, 80 MISSING, in results.jsonl
                 117 succeeded, 3 failed, 2 came twice and were dropped
      async      5,000 tok/s over 10.0 s
      chat TTFT  alone          p50 21 ms, p95 48 ms of 40 turns, 2 missed
                 beside async   no turn
                 missed: slower than 1000 ms to the first token, or 50 ms a token
                 1 turns failed
      gate       reads flow-control; it closed 2 × on flow-control, 1 × on pool
                 4 deliveries nacked; it held messages back: 5 × saturated"
  `);
});

test('a gate that had nothing to read and never closed', () => {
  const summary = {
    asynchronous,
    ttftAlone: ttft,
    ttftBesideAsync: ttft,
    failedTurns: 0,
    function: noFunctionFigures,
    out: 'results.jsonl',
  };
  expect(summaryText(summary)).toContain('gate       reads nothing; it never closed\n');
});

test('the invitation can be copied', () => {
  const addresses = { gateway: '', function: '', monitoring: '', logs: '', pubsub: 'http://127.0.0.1:8085' };
  expect(invitationText(addresses)).toContain(
    'export PUBSUB_EMULATOR_HOST=127.0.0.1:8085 GOOGLE_CLOUD_PROJECT=local\n',
  );
});
