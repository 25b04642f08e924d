import { expect, test } from 'vitest';
import { startProcessorWorld, type WorldPush, wallStartMs } from './processor-world.ts';

const inFiveMinutes = wallStartMs / 1000 + 300;
const trace = '00-a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6-1234567890abcdef-01';

/** A message in the shape of one that llm-d-async prints, and the `error_code` of its result; empty for a success. */
const examples: [printed: string, push: WorldPush, errorCode: string][] = [
  [
    'README, first edition: deadline as a text, past today',
    {
      data: '{ "id" : "19933123533434", "deadline" : "1764045130", "payload": {"model":"food-review","prompt":"hi", "max_tokens":10,"temperature":0} }',
    },
    'DEADLINE_EXCEEDED',
  ],
  [
    'README: created and deadline as texts',
    {
      data: '{ "id" : "19933123533434", "created": "1764044000", "deadline" : "1764045130", "payload": {"model":"food-review","prompt":"hi"} }',
    },
    'DEADLINE_EXCEEDED',
  ],
  [
    'README: created and deadline as numbers, with metadata',
    {
      data: '{ "id": "19933123533434", "created": 1764044000, "deadline": 1764045130, "payload": {"model": "food-review", "prompt": "hi", "max_tokens": 10, "temperature": 0}, "metadata": {"user": "batch-job-42"} }',
    },
    'DEADLINE_EXCEEDED',
  ],
  [
    'README, development: a far deadline as a text',
    {
      data: '{"id" : "testmsg", "payload":{ "model":"unsloth/Meta-Llama-3.1-8B", "prompt":"hi"}, "deadline" :"9999999999" }',
    },
    '',
  ],
  [
    'README, development: the same as a number',
    {
      data: '{"id":"testmsg","created":1764044000,"deadline":9999999999,"payload":{"model":"unsloth/Meta-Llama-3.1-8B","prompt":"hi"}}',
    },
    '',
  ],
  [
    'guide e2e-deploy: a deadline years ahead',
    {
      data: '{"id":"test-1","created":1700000000,"deadline":1999999999,"payload":{"model":"Qwen/Qwen3-0.6B","prompt":"What is 2+2?"}}',
    },
    '',
  ],
  [
    'the same as a text',
    {
      data: '{"id":"test-1","created":"1700000000","deadline":"1999999999","payload":{"model":"Qwen/Qwen3-0.6B","prompt":"What is 2+2?"}}',
    },
    '',
  ],
  [
    'README, tracing: the trace in metadata',
    {
      data: `{ "id": "req-123", "deadline": ${inFiveMinutes}, "payload": {"model": "my-model", "prompt": "hello"}, "metadata": { "traceparent": "${trace}" } }`,
    },
    '',
  ],
  [
    'guide multitenant-pubsub: team as attribute and in metadata',
    {
      data: `{"id":"batch-1-1","created":${wallStartMs / 1000},"deadline":${inFiveMinutes},"payload":{"model":"m","prompt":"summarize this","max_tokens":64},"metadata":{"team":"batch"}}`,
      attributes: { team: 'batch' },
    },
    '',
  ],
  // A deadline in no unit of time: contract §1 refuses it as milliseconds by mistake.
  [
    'README, deployment: a deadline beyond every unit',
    {
      data: '{"id" : "testmsg", "payload":{ "model":"food-review-1", "prompt":"Hi, good morning "}, "deadline" :23472348233323 }',
    },
    'INVALID_REQUEST',
  ],
  [
    'the same as a text',
    {
      data: '{"id" : "testmsg", "payload":{ "model":"food-review-1", "prompt":"Hi, good morning "}, "deadline" :"23472348233323" }',
    },
    'INVALID_REQUEST',
  ],
  // What its producers write into Redis is no message of its Pub/Sub, and none of contract §1's shapes.
  [
    'README, development: the wire format of Redis',
    {
      data: '{"request_kind":"plain","data":{"id":"testmsg","created":1764044000,"deadline":9999999999,"payload":{"model":"unsloth/Meta-Llama-3.1-8B","prompt":"hi"}}}',
    },
    'INVALID_REQUEST',
  ],
  [
    'guide e2e-deploy: the wire format of Redis',
    {
      data: '{"request_kind":"redis","internal":{},"data":{"id":"gate-test","created":1700000000,"deadline":1999999999,"payload":{"model":"Qwen/Qwen3-0.6B","prompt":"Hello"}}}',
    },
    'INVALID_REQUEST',
  ],
];

test.each(examples)('%s', async (_, push, errorCode) => {
  const world = await startProcessorWorld();
  expect(await world.push(push)).toBe(204);
  const [result] = world.on('results');
  expect(result?.attributes.error_code ?? '').toBe(errorCode);
  expect(world.calls.map(({ url }) => url)).toEqual(errorCode === '' ? ['http://gateway/v1/completions'] : []);
});
