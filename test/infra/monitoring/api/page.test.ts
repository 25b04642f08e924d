import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutPage, readPageToken } from '../../../../infra/local/monitoring/api/page.ts';
import type { Series } from '../../../../infra/local/monitoring/series/time-series.ts';

function series(name: number, length: number): Series {
  return {
    identity: {
      metric: { type: 't', labels: { name: String(name) } },
      resource: { type: 'r', labels: {} },
      metricKind: 'GAUGE',
      valueType: 'DOUBLE',
    },
    points: Array.from({ length }, (_, index) => ({ startMs: index, endMs: index, value: index })),
  };
}

const read = (found: readonly Series[]) =>
  found.flatMap(({ identity, points }) => points.map(({ value }) => `${identity.metric.labels.name}:${value}`));

test('pages of any size hold every point once, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { maxLength: 6 }), fc.integer({ min: 1, max: 9 }), (lengths, size) => {
      const all = lengths.map((length, name) => series(name, length));
      const seen: string[] = [];
      let token = '';
      do {
        const page = cutPage(all, 'points', size, readPageToken(token) ?? { offset: 0, asOfMs: 7 });
        const length = read(page.series).length;
        expect(length).toBeLessThanOrEqual(size);
        expect(length > 0 || token === '', 'only the first page may be empty').toBe(true);
        seen.push(...read(page.series));
        token = page.nextPageToken;
      } while (token !== '');
      expect(seen).toEqual(read(all));
    }),
  );
});

test('headers count series and carry no point', () => {
  const page = cutPage([series(0, 3), series(1, 3)], 'series', 1, { offset: 0, asOfMs: 7 });
  expect(page.series.map(({ points }) => points.length)).toEqual([0]);
  expect(readPageToken(page.nextPageToken)).toEqual({ offset: 1, asOfMs: 7 });
});

test('a made-up token is refused', () => {
  expect(() => readPageToken('next')).toThrow('pageToken');
});
