import fc from 'fast-check';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { counters, histograms } from '../../../gateway/observe/metric-definitions.ts';
import { TwinCounter, TwinHistogram } from '../../../gateway/observe/twin-series.ts';

const model = { model_name: 'm', target_model_name: 'm' };
const acme = { ...model, fairness_id: 'acme', priority: '0' };
const umbrella = { ...model, fairness_id: 'umbrella', priority: '0' };

async function exposed(series: TwinCounter | TwinHistogram): Promise<readonly string[]> {
  const registry = new Registry();
  for (const metric of series.metrics) registry.registerMetric(metric);
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a count stands under both names; where the labels are fewer, tenants add up', async () => {
  const requests = new TwinCounter(counters.requests);
  requests.of(acme).increase();
  requests.of(acme).increase();
  requests.of(umbrella).increase();
  expect(await exposed(requests)).toEqual([
    'inference_objective_request_total{model_name="m",target_model_name="m",priority="0"} 3',
    'llm_d_epp_request_total{model_name="m",target_model_name="m",fairness_id="acme",priority="0"} 2',
    'llm_d_epp_request_total{model_name="m",target_model_name="m",fairness_id="umbrella",priority="0"} 1',
  ]);
});

test.each([
  ['on a bound', 0.005, '0.005'],
  ['between two', 0.01, '0.025'],
  ['above all', 9999, '+Inf'],
])('a value %s is in the bucket that ends there', async (_, value, first) => {
  const duration = new TwinHistogram(histograms.duration);
  duration.of(acme).observe(value);
  const older = (await exposed(duration)).filter((line) => line.startsWith('inference_objective_'));
  const filled = older.find((line) => line.includes('_bucket') && line.endsWith(' 1'));
  expect(filled).toContain(`le="${first}"`);
  expect(older.slice(-2)).toEqual([
    `inference_objective_request_duration_seconds_sum{model_name="m",target_model_name="m"} ${value}`,
    'inference_objective_request_duration_seconds_count{model_name="m",target_model_name="m"} 1',
  ]);
});

test('buckets never fall, and the last holds everything', async () => {
  const values = fc.array(fc.tuple(fc.constantFrom(acme, umbrella), fc.double({ min: 0, max: 4000, noNaN: true })));
  await fc.assert(
    fc.asyncProperty(values, async (observed) => {
      const duration = new TwinHistogram(histograms.duration);
      for (const [labels, value] of observed) duration.of(labels).observe(value);
      const older = (await exposed(duration)).filter((line) => line.startsWith('inference_objective_'));
      const counts = older.filter((line) => line.includes('_bucket')).map((line) => Number(line.split(' ')[1]));
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(counts.at(-1) ?? 0).toBe(observed.length);
    }),
  );
});
