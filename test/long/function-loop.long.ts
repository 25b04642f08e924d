import { expect, test } from 'vitest';
import { readAnswer, tokensOf } from '../../functions/processor/call/answer.ts';
import { decodePush } from '../../functions/processor/message/push-envelope.ts';
import { encodeResult } from '../../functions/processor/results/result.ts';
import { decodeRequest } from '../../shared/pubsub/request.ts';
import { identity } from '../functions/processor/identities.ts';
import { unix } from '../support/instants.ts';
import { report } from '../support/report.ts';

/** What holds the function's loop, in milliseconds of CPU: the best of some rounds, since other work shares the machine's caches. */
const mostMs = 100;
const rounds = 5;
const rules = {
  allowedEndpoints: ['/v1/chat/completions'],
  tenant: undefined,
  tenantAttributes: ['tenant'],
  defaultDeadlineMs: 60_000,
};
const nowMs = unix(Date.UTC(2026, 10, 23));

const members = (count: number, member: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => member(index)).join();
const pushOf = (data: string): Buffer =>
  Buffer.from(JSON.stringify({ message: { data: Buffer.from(data).toString('base64'), messageId: '1' } }));
const payloadOf = (inside: string): Buffer => pushOf(`{"payload":{"model":"m","messages":[],${inside}}}`);

const pushes: readonly (readonly [string, Buffer])[] = [
  ['a prompt of 9.9 MB', pushOf(`{"model":"m","messages":["${'x'.repeat(9_900_000)}"]}`)],
  ['a prompt of escapes', pushOf(`{"model":"m","messages":["${'\\n'.repeat(4_900_000)}"]}`)],
  ['190,000 keys', payloadOf(members(190_000, (index) => `"k${index}":1`))],
  ['190,000 escaped keys', payloadOf(members(190_000, (index) => `"\\u0061${index}":1`))],
  ['700,000 keys', payloadOf(members(700_000, (index) => `"k${index}":1`))],
  ['190,000 names in metadata', pushOf(`{"metadata":{${members(190_000, (index) => `"k${index}":""`)}},"payload":{}}`)],
  ['190,000 headers', pushOf(`{"headers":{${members(190_000, (index) => `"k${index}":""`)}},"payload":{}}`)],
  ['99,000 objects', payloadOf(`"x":[${'{"a":[]},'.repeat(99_000)}{}]`)],
  ['a list as id', pushOf(`{"id":[${'[],'.repeat(190_000)}[]],"payload":{}}`)],
  ['4.9 million numbers', payloadOf(`"x":[${'1,'.repeat(4_900_000)}1]`)],
  ['10 MB of brackets', pushOf('['.repeat(10_000_000))],
  ['900,000 attributes', Buffer.from(`{"message":{"attributes":{${members(900_000, (index) => `"k${index}":""`)}}}}`)],
  ['a push of 700,000 keys', Buffer.from(`{"message":{${members(700_000, (index) => `"k${index}":1`)}}}`)],
];
const batchLine = { ...identity, shape: 'batch-line' } as const;
const answers: readonly (readonly [string, Buffer])[] = [
  ['an answer of 9.9 MB', Buffer.from(`{"choices":["${'x'.repeat(9_900_000)}"],"usage":{}}`)],
  ['an answer of 700,000 keys', Buffer.from(`{${members(700_000, (index) => `"k${index}":1`)}}`)],
  ['an answer of 1.6 million lines', Buffer.from(`{"data":[${'0.12,\n'.repeat(1_600_000)}0]}`)],
  ['usage of 700,000 keys', Buffer.from(`{"usage":{${members(700_000, (index) => `"k${index}":1`)}}}`)],
];

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function best(work: () => void): number {
  return Math.min(...Array.from({ length: rounds }, () => cpuMs(work)));
}

test.each(pushes)('%s', (name, body) => {
  const decoded = decodePush(body);
  const pushMs = best(() => void decodePush(body));
  const requestMs = 'message' in decoded ? best(() => void decodeRequest(decoded.message, rules, nowMs)) : 0;
  report(name, { 'push, ms of CPU': pushMs, 'request, ms of CPU': requestMs });
  expect(Math.max(pushMs, requestMs)).toBeLessThan(mostMs);
});

test.each(answers)('%s', (name, body) => {
  const answer = readAnswer(200, {}, body);
  const result = { ending: { answer }, attempts: 1, queuedMs: 0, inferenceMs: 0, requestId: '', traceparent: '' };
  const answerMs = best(() => void tokensOf(readAnswer(200, {}, body)));
  const resultMs = best(() => void encodeResult('results', { ...result, identity: batchLine }));
  report(name, { 'answer, ms of CPU': answerMs, 'result, ms of CPU': resultMs });
  expect(Math.max(answerMs, resultMs)).toBeLessThan(mostMs);
});
