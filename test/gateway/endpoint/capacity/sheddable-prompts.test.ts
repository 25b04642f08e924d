import { expect, test, vi } from 'vitest';
import { many, oneEndpoint, shed } from '../../../support/attempts.ts';

test.each<[string, number, 'chunk' | 'end', number]>([
  ['refused at once', 10, 'end', 10],
  ['a tenth of what was expected', 100, 'chunk', 100],
  ['what was expected', 1000, 'chunk', 1000],
  ['more than that', 1500, 'chunk', 500],
  ['far more than that', 5000, 'chunk', 0],
])('the next sheddable prompt waits for what the last one took: %s', (_, tookMs, sign, leftMs) => {
  const { clock, endpoint, limiter, run } = oneEndpoint();
  vi.spyOn(endpoint.latency, 'prefillMs').mockImplementation((tokens) => tokens);
  run().chunk();
  const one = run({ ...shed, promptTokens: 1000, stream: sign === 'chunk' });
  expect(limiter.roomInMs('sheddable')).toBe(2000);
  clock.nowMs += tookMs;
  one[sign]();
  expect(limiter.roomInMs('sheddable')).toBeCloseTo(leftMs, 6);
});

test('sheddable prompts share steps where there is no real-time work, as far as half of the usual first token', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  reads();
  // 1,000 tokens take 26 ms, as long as nothing is known.
  run({ ...shed, promptTokens: 1000 });
  expect(limiter.roomInMs('sheddable')).toBe(0);
  many(4, () => run({ ...shed, promptTokens: 5000 }));
  const roomInMs = limiter.roomInMs('sheddable') ?? 0;
  expect(roomInMs).toBeGreaterThan(21 * 25.9 - 500);
  expect(roomInMs).toBeLessThan(2 * 21 * 25.9 - 500);
  clock.nowMs += roomInMs;
  expect(limiter.roomInMs('sheddable')).toBe(0);
});

test('sheddable prompts leave time to real-time work that comes and goes', () => {
  const { clock, limiter, run, reads } = oneEndpoint();
  const realtime = run();
  for (let time = 0; time < 400; time += 1) {
    for (let step = 0; step < 25; step += 1) {
      clock.nowMs += 8;
      realtime.chunk();
    }
    reads({ running: 1 });
  }
  realtime.end();
  run({ ...shed, promptTokens: 1000 });
  // Half of the engine's time, as long as some is usual.
  expect(limiter.roomInMs('sheddable')).toBeGreaterThan(45);
  for (let time = 0; time < 400; time += 1) {
    clock.nowMs += 200;
    reads();
  }
  run({ ...shed, promptTokens: 1000 });
  expect(limiter.roomInMs('sheddable')).toBe(0);
});

test('sheddable prompts take every other step at most where they hold up real-time work', () => {
  const { clock, endpoint, limiter, run, reads } = oneEndpoint();
  reads();
  const realtime = run();
  // As the model has it: the first token teaches nothing.
  clock.nowMs += endpoint.predict(endpoint.featuresOf(1, 0)).ttftAloneMs;
  realtime.chunk();
  run({ ...shed, promptTokens: 1000 });
  expect(limiter.roomInMs('sheddable')).toBeCloseTo(51.8, 0);
  clock.nowMs += 52;
  expect(limiter.roomInMs('sheddable')).toBe(0);
});
