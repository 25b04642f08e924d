import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import { answering, holding, startProcessorWorld } from './processor-world.ts';

const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
const unreachable: CallEnd = { end: 'unreachable', message: 'ECONNREFUSED' };

describe('a wall clock that is set changes nothing of what a processor does', () => {
  const hourMs = 3_600_000;
  /** A day in a processor's life: success, gate closed for a while, sheds, an outage with its probes, failures, a pool that idles. */
  async function live(stepMs: number, stepAfter: number): Promise<readonly string[]> {
    let saturation = 0;
    const world = await startProcessorWorld({
      source: async () => ({ source: 'x', saturation, ageMs: 0 }),
      settings: { maxWaitMs: 40_000 },
    });
    const told: string[] = [];
    let turn = 0;
    const next = async (ends: readonly CallEnd[], ms: number, atOnce = 1): Promise<void> => {
      if (turn === stepAfter) world.clock.step(stepMs);
      turn += 1;
      world.play((_call, index) => ends[index % ends.length]!);
      for (let push = 0; push < atOnce; push += 1) world.start();
      await world.clock.advance(ms);
      told.push(`turn ${turn}`, ...world.told());
    };
    await next([answering(200)], 3000, 3);
    saturation = 1;
    await next([answering(200)], 5000);
    await next([answering(200)], 5000, 2);
    saturation = 0.8;
    await next([answering(200)], 20_000);
    saturation = 0.1;
    await next([answering(200)], 20_000, 4);
    await next([answering(429, '', { 'retry-after': '7' }), answering(200)], 30_000, 3);
    await next([unreachable], 30_000, 8);
    await next([unreachable], 10_000);
    await next([answering(200)], 40_000, 2);
    await next([broken, answering(200)], 5000, 4);
    await next([answering(200)], 60_000);
    await next([answering(200)], 5000, 3);
    world.processor.close();
    await world.clock.advance(0);
    expect([world.pool.inFlight, world.clock.pendingTimers()]).toEqual([0, 0]);
    return told;
  }
  test.each([hourMs, -hourMs])('by %i ms, at any time', async (stepMs) => {
    const undisturbed = await live(0, 0);
    for (const event of ['wait saturated', 'wait shed', 'wait limit', 'breaker opens', 'breaker closes', 'retried']) {
      expect(undisturbed.join('\n')).toContain(event);
    }
    for (let stepAfter = 0; stepAfter < 12; stepAfter += 1) expect(await live(stepMs, stepAfter)).toEqual(undisturbed);
  });

  test('nothing is dispatched twice, and a call keeps its time', async () => {
    const world = await startProcessorWorld({ settings: { requestTimeoutMs: 30_000 } });
    const held = holding();
    world.play(held.script);
    const delivering = world.start();
    await world.clock.advance(1000);
    world.clock.step(-hourMs);
    await world.clock.advance(2500);
    held.end(answering(200));
    await delivering.ended;
    expect(world.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000]);
    const result = JSON.parse(Buffer.from(world.on('results')[0]!.data).toString());
    expect(result.timings).toEqual({ queued_ms: 0, inference_ms: 3500 });
  });
});
