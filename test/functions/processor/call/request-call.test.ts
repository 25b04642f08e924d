import { expect, test } from 'vitest';
import type { CallEnd } from '../../../../functions/processor/call/answer.ts';
import type { GatewayCall } from '../../../../functions/processor/call/gateway-client.ts';
import { requestCaller } from '../../../../functions/processor/call/request-call.ts';
import { unix } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { identity } from '../identities.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const context = { traceId, spanId: 'b7ad6b7169203331', sampled: true };
const answer: CallEnd = {
  end: 'answer',
  answer: { status: 201, headers: {}, body: Buffer.from('x'), usage: undefined },
};

/** One call that takes two seconds, on clocks an hour apart, for a message with this trace. */
async function make(traceparent: string, end = answer) {
  const clock = createManualClock(0);
  clock.step(3_600_000);
  const sent: GatewayCall[] = [];
  const noted: object[] = [];
  const call = requestCaller({
    callGateway: async (wanted) => {
      sent.push(wanted);
      await clock.advance(2000);
      return end;
    },
    clock,
    wall: clock,
    random: { uuid: () => 'drawn' },
  });
  const request = {
    ...identity,
    traceparent,
    tracestate: 'a=b',
    deadlineAtMs: unix(3_600_000 + 90_000.4),
    endpoint: '/v1/completions',
    payload: Buffer.from('{}'),
    headers: { 'x-app': 'a' },
    maxOutputTokens: undefined,
  };
  const target = { gatewayUrl: 'http://gateway/base', objective: 'sheddable' };
  const { signal } = new AbortController();
  const span = { context, note: (attributes: object) => void noted.push(attributes) };
  const made = await call(
    {
      request,
      ...target,
      credential: 'key',
      timeoutMs: 5000,
      maxAnswerBytes: 1000,
      signal,
      holdAnswer: () => undefined,
      onToken: undefined,
    },
    span,
  );
  return { made, sent: sent[0]!, noted };
}

test('is sent to the policy’s URL, with an id of its own, inside the span’s trace', async () => {
  const { made, sent, noted } = await make(`00-${traceId}-aaaaaaaaaaaaaaaa-01`);
  expect(sent).toMatchObject({
    url: 'http://gateway/base/v1/completions',
    timeoutMs: 5000,
    headers: {
      'x-app': 'a',
      'x-llm-d-slo-ttft-ms': '90001',
      'x-slo-ttft-ms': '90001',
      'x-request-id': 'drawn',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      tracestate: 'a=b',
      authorization: 'Bearer key',
    },
  });
  expect(made).toEqual({
    end: answer,
    startedAtMs: 0,
    endedAtMs: 2000,
    sentAtMs: 3_600_000,
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    requestId: 'drawn',
  });
  expect(noted).toEqual([{ 'http.response.status_code': 201 }]);
});

test('a trace that we began has no state of another', async () => {
  expect((await make('nonsense')).sent.headers.tracestate).toBeUndefined();
});

test('an end without an answer is noted as what it was', async () => {
  expect((await make('', { end: 'broken', message: 'ECONNRESET' })).noted).toEqual([{ 'error.type': 'broken' }]);
});
