import { expect, test } from 'vitest';
import { answering, holding, startProcessorWorld } from './processor-world.ts';

const data = { model: 'm', messages: [] };

test.each([
  ['auto', 'flow-control', true],
  ['auto', 'gateway', false],
  ['never', 'flow-control', false],
] as const)('STREAM_CALLS=%s with a load that %s tells: a stream is %s', async (streamCalls, source, expected) => {
  const world = await startProcessorWorld({
    settings: { streamCalls },
    source: async () => ({ source, saturation: 0, ageMs: 0 }),
  });
  await world.push({ data });
  const [call] = world.calls;
  const sent = JSON.parse(Buffer.from(call!.body).toString()) as object;
  expect(sent).toEqual(expected ? { ...data, stream: true, stream_options: { include_usage: true } } : data);
  expect(call!.onToken !== undefined).toBe(expected);
});

test('quick tokens let messages go that wait, before any call has ended', async () => {
  const { start, calls, play, clock } = await startProcessorWorld({ settings: { streamCalls: 'auto' } });
  const { script, end } = holding();
  play(script);
  const deliveries = [1, 2, 3].map(() => start({ data }));
  await clock.advance(0);
  expect(calls).toHaveLength(1);
  for (let token = 0; token < 300; token += 1) {
    await clock.advance(10);
    calls[0]!.onToken!();
  }
  await clock.advance(0);
  expect(calls.length).toBeGreaterThan(1);
  end(answering(200));
  await clock.advance(60_000);
  expect(deliveries.map(({ status }) => status)).toEqual([204, 204, 204]);
});
