import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type FunctionWorld, startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';

const mebibyte = 1024 * 1024;
const maxBufferedBytes = 64 * mebibyte;
/** The heap is small: what a bound lets through shows in what is outside of it, and what is kept in the heap ends the process. */
const environment = { NODE_OPTIONS: '--max-old-space-size=96', MAX_BUFFERED_BYTES: String(maxBufferedBytes) };
const world: FunctionWorld = await startFunctionWorld({ ...environment, LOG_LEVEL: 'info', MAX_WAIT_SECONDS: '20' });
afterAll(() => world.close());
beforeEach(async () => {
  world.upstream.play(answering(200));
  await world.restart({});
});

const calls = 60;

/** Linux tells how much memory a process has held at once. */
const onLinux = test.skipIf(process.platform !== 'linux');
const peakBytes = (): number => {
  const status = readFileSync(`/proc/${world.service().pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
};
const pushOf = (messageId: string, dataBytes: number): Buffer => {
  const data = Buffer.from(`{"model":"m","messages":["${'x'.repeat(dataBytes)}"]}`).toString('base64');
  return Buffer.from(JSON.stringify({ message: { data, messageId }, subscription: 's' }));
};
/** The push's status, whether it was read or not. */
const send = (body: Buffer, gone?: AbortSignal): Promise<number> =>
  new Promise((resolve) => {
    const options = { method: 'POST', headers: { 'content-length': body.length }, agent: false, signal: gone };
    const sent = request(world.service().url, options, (response) => {
      resolve(response.statusCode ?? 0);
      response.resume();
    });
    sent.on('error', () => resolve(0));
    sent.end(body);
  });

onLinux('pushes that do not fit are answered 429, and leave the memory as it is', async () => {
  world.upstream.play(() => undefined);
  const body = pushOf('large', 9_000_000);
  const fitting = Math.floor(maxBufferedBytes / body.length);
  const gone = new AbortController();
  const bodies = Array.from({ length: 60 }, (_, index) =>
    Buffer.from(body.toString('latin1').replace('"large"', `"${index}"`)),
  );
  const statuses: number[] = [];
  const sent = bodies.map((each) => send(each, gone.signal).then((status) => statuses.push(status)));
  await until(() => statuses.length === bodies.length - fitting, { what: 'the refusals' });
  expect(new Set(statuses)).toEqual(new Set([429]));
  await until(() => world.upstream.calls.length > 0, { what: 'a call' });
  expect(peakBytes() / mebibyte).toBeLessThan(450);
  gone.abort();
  await Promise.all(sent);
  // The room is there again.
  world.upstream.play(answering(200));
  await until(async () => (await send(bodies[0]!)) === 204, { what: 'room' });
});

onLinux('answers that are here at once, and results that nothing takes, stay within their bounds', async () => {
  const topic = `${world.pubsub.url}/v1/projects/test/topics/taken-away`;
  await fetch(topic, { method: 'PUT' });
  await world.restart({ RESULT_TOPIC: 'taken-away' });
  // The limit on calls grows with answers.
  while ((await world.metric(/^async_inflight_limit\{/)) < calls) {
    await Promise.all(Array.from({ length: calls }, () => world.push()));
  }
  const answer = JSON.stringify({ choices: ['x'.repeat(7_000_000)] });
  const held: (() => void)[] = [];
  world.upstream.play((call, response) => held.push(() => answering(200, answer)(call, response, 0)));
  const pushes = Array.from({ length: calls }, (_, message) => world.push({ messageId: `large ${message}` }));
  await until(() => held.length === calls, { what: 'the calls' });
  await fetch(topic, { method: 'DELETE' });
  for (const release of held) release();
  expect(new Set(await Promise.all(pushes))).toEqual(new Set([503]));
  expect(peakBytes() / mebibyte).toBeLessThan(600);
});
