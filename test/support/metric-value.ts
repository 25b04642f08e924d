import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { ask } from './gateway-client.ts';

/** The sum of a metric's series that carry these labels, as `/metrics` says it now; 0 without any. */
export async function metricValue(
  baseUrl: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = (await ask(baseUrl, { method: 'GET', path: '/metrics' })).body.toString();
  let sum = 0;
  for (const sample of parsePrometheusText(text)) {
    const fits =
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
    if (fits) sum += sample.value;
  }
  return sum;
}
