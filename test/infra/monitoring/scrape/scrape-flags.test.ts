import { expect, test } from 'vitest';
import { readLabels, readPageUrls } from '../../../../infra/local/monitoring/scrape/scrape-flags.ts';

test('pages', () => {
  expect(readPageUrls('http://a:1, http://b:2/stats?x=1')).toEqual({
    value: ['http://a:1/metrics', 'http://b:2/stats?x=1'],
  });
  for (const raw of ['a:1', 'http://a,,http://b', 'file:///etc/passwd'])
    expect(readPageUrls(raw)).toHaveProperty('fault');
});

test('labels', () => {
  expect(readLabels('cluster=east, pool=a=b,empty=')).toEqual({ value: { cluster: 'east', pool: 'a=b', empty: '' } });
  for (const raw of ['cluster', '=x', '9a=1']) expect(readLabels(raw)).toHaveProperty('fault');
});
