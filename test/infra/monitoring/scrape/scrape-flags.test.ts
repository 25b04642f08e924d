import { expect, test } from 'vitest';
import { readLabels, readPageUrls } from '../../../../infra/local/monitoring/scrape/scrape-flags.ts';

test('pages', () => {
  expect(readPageUrls('http://a:1, http://b:2/stats?x=1')).toEqual({
    value: ['http://a:1/metrics', 'http://b:2/stats?x=1'],
  });
  const fault = 'must be a comma list of URLs like http://127.0.0.1:8000/metrics';
  for (const raw of ['a:1', 'http://a,,http://b', 'file:///etc/passwd']) expect(readPageUrls(raw)).toEqual({ fault });
});

test('labels', () => {
  expect(readLabels('cluster=east, pool=a=b,empty=')).toEqual({ value: { cluster: 'east', pool: 'a=b', empty: '' } });
  const fault = 'must be a comma list of NAME=VALUE';
  for (const raw of ['cluster', '=x', '9a=1']) expect(readLabels(raw)).toEqual({ fault });
});
