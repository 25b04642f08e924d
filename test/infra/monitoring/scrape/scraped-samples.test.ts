import { expect, test } from 'vitest';
import { readScrape, upSample } from '../../../../infra/local/monitoring/scrape/scraped-samples.ts';

const target = { resourceLabels: { job: 'j', instance: 'i:1' }, metricLabels: {} };

const pages: [string, string, string[]][] = [
  ['a gauge', '# TYPE vllm:waiting gauge\nvllm:waiting 3\n', ['vllm:waiting/gauge GAUGE 3']],
  ['a counter', '# TYPE done_total counter\ndone_total 3\n', ['done_total/counter CUMULATIVE 3']],
  ['an OpenMetrics counter', '# TYPE done counter\ndone_total 3\n', ['done_total/counter CUMULATIVE 3']],
  ['an untyped metric', 'x 3\n', ['x/unknown GAUGE 3', 'x/unknown:counter CUMULATIVE 3']],
  ['NaN', '# TYPE x gauge\nx NaN\n', ['x/gauge GAUGE NaN']],
  ['a histogram', '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n', []],
  ['a summary', '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n', []],
  ['a gauge called …_count', '# TYPE pods_count gauge\npods_count 2\n', ['pods_count/gauge GAUGE 2']],
];

test.each(pages)('%s', (_name, page, expected) => {
  const read = readScrape(page, target).map(({ identity, value }) => {
    const name = identity.metric.type.replace('prometheus.googleapis.com/', '');
    return `${name} ${identity.metricKind} ${value}`;
  });
  expect(read).toEqual(expected);
});

test('what the local Pub/Sub tells of a subscription stands under the name that Google gives it', () => {
  const page =
    '# TYPE pubsub_subscription_num_undelivered_messages gauge\npubsub_subscription_num_undelivered_messages{subscription_id="s"} 3\n';
  expect(readScrape(page, target)).toEqual([
    {
      identity: {
        metric: { type: 'pubsub.googleapis.com/subscription/num_undelivered_messages', labels: {} },
        resource: { type: 'pubsub_subscription', labels: { subscription_id: 's' } },
        metricKind: 'GAUGE',
        valueType: 'DOUBLE',
      },
      value: 3,
    },
  ]);
});

test('a label that the resource has too keeps its value under another name', () => {
  const [sample] = readScrape('# TYPE x gauge\nx{job="own",pod="p"} 1\n', {
    ...target,
    metricLabels: { team: 'search' },
  });
  expect(sample?.identity.metric.labels).toEqual({ exported_job: 'own', pod: 'p', team: 'search' });
  expect(sample?.identity.resource).toEqual({ type: 'prometheus_target', labels: { job: 'j', instance: 'i:1' } });
});

test('up says whether the target answered', () => {
  expect(upSample(false, target)).toMatchObject({
    identity: { metric: { type: 'prometheus.googleapis.com/up/gauge' } },
    value: 0,
  });
});
