import { expect, test } from 'vitest';
import { FunctionMetrics } from '../../../../functions/processor/observe/metrics.ts';
import { startProcessorWorld } from '../processor-world.ts';

test('the gauges of a load that nothing asks for are absent, not old', async () => {
  const world = await startProcessorWorld();
  const metrics = new FunctionMetrics();
  metrics.watch(world.processor.pools.all, world.processor.waitingFor, world.clock);
  const read = async (name: string): Promise<number | undefined> => {
    const { values } = await metrics.registry.getSingleMetric(name)!.get();
    return values[0]?.value;
  };
  await world.push();
  expect([await read('async_capacity_age_seconds'), await read('async_capacity_saturation')]).toEqual([2, 0]);
  await world.clock.advance(10_000);
  expect([await read('async_capacity_age_seconds'), await read('async_capacity_saturation')]).toEqual([
    undefined,
    undefined,
  ]);
  await world.push();
  expect(await read('async_capacity_age_seconds')).toBe(1);
  expect(await read('async_inflight_limit')).toBeDefined();
});
