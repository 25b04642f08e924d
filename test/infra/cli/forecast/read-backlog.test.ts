import { expect, test } from 'vitest';
import { readBacklog } from '../../../../infra/cli/forecast/read-backlog.ts';

const nowMs = Date.UTC(2026, 10, 26, 12);
const minute = 60_000;

interface Written {
  readonly agoMs: number;
  readonly value: number;
  /** Of a counter: since when. */
  readonly sinceAgoMs?: number;
}

const timestamp = (atMs: number) => ({ seconds: String(Math.floor(atMs / 1000)), nanos: 0 });
const series = (metricKind: string, points: readonly Written[]) => ({
  metricKind,
  points: points.map(({ agoMs, value, sinceAgoMs = agoMs }) => ({
    interval: { startTime: timestamp(nowMs - sinceAgoMs), endTime: timestamp(nowMs - agoMs) },
    value: { int64Value: String(value) },
  })),
});

/** Monitoring that has these series, by the metric's name; the filters that it was asked. */
function monitoring(all: Readonly<Record<string, readonly ReturnType<typeof series>[]>>) {
  const filters: string[] = [];
  const client = {
    listTimeSeries: async ({ filter }: { filter: string }) => {
      filters.push(filter);
      const name = Object.keys(all).find((each) => filter.includes(`/${each}"`));
      return [name === undefined ? [] : all[name]];
    },
  };
  return { filters, source: { client, projectId: 'p', subscriptions: ['a', 'b'] } as never };
}

const waiting = [
  series('GAUGE', [
    { agoMs: minute, value: 70 },
    { agoMs: 20 * minute, value: 90 },
  ]),
  series('GAUGE', [{ agoMs: minute, value: 5 }]),
];

test('what waits in all subscriptions, and the age of the oldest', async () => {
  const { source, filters } = monitoring({
    num_undelivered_messages: waiting,
    oldest_unacked_message_age: [
      series('GAUGE', [{ agoMs: minute, value: 40 }]),
      series('GAUGE', [{ agoMs: minute, value: 80 }]),
    ],
  });
  expect(await readBacklog(source, nowMs)).toMatchObject({ messages: 75, oldestAgeSeconds: 80, pace: 0 });
  expect(filters[0]).toContain('resource.labels.subscription_id = one_of("a","b")');
});

test.each([
  [
    'differences',
    series(
      'DELTA',
      [1, 2, 9, 11].map((ago) => ({ agoMs: ago * minute, sinceAgoMs: (ago + 1) * minute, value: 200 })),
    ),
    600 / 600,
  ],
  [
    'a running total',
    series('CUMULATIVE', [
      { agoMs: 11 * minute, sinceAgoMs: 99 * minute, value: 1000 },
      { agoMs: minute, sinceAgoMs: 99 * minute, value: 1300 },
    ]),
    300 / 600,
  ],
  [
    'a running total that began anew',
    series('CUMULATIVE', [
      { agoMs: 11 * minute, sinceAgoMs: 99 * minute, value: 1000 },
      { agoMs: minute, sinceAgoMs: 5 * minute, value: 60 },
    ]),
    60 / 600,
  ],
])('the pace of the last ten minutes, of %s', async (_, acked, pace) => {
  const { source } = monitoring({ num_undelivered_messages: waiting, ack_message_count: [acked] });
  expect((await readBacklog(source, nowMs))?.pace).toBeCloseTo(pace);
});

test('a time in which nothing waited tells no pace', async () => {
  const gauge = (...values: readonly [number, number][]) =>
    series(
      'GAUGE',
      values.map(([ago, value]) => ({ agoMs: ago * minute, value })),
    );
  const { source } = monitoring({
    num_undelivered_messages: [gauge([9, 0], [4, 0], [3, 50], [1, 20]), gauge([9, 5], [4, 0], [1, 0])],
    ack_message_count: [
      series(
        'DELTA',
        [9, 3, 2, 1].map((ago) => ({ agoMs: ago * minute, value: 40 })),
      ),
    ],
  });
  expect((await readBacklog(source, nowMs))?.pace).toBeCloseTo(120 / 240);
});

test('the profile of yesterday tells the pace of the steps that had a backlog', async () => {
  const hour = 60 * minute;
  const { source } = monitoring({
    num_undelivered_messages: [
      series('GAUGE', [
        { agoMs: minute, value: 5 },
        { agoMs: 24 * hour - 15 * minute, value: 9 },
      ]),
    ],
    ack_message_count: [
      series('DELTA', [
        { agoMs: 24 * hour - 15 * minute, sinceAgoMs: 24 * hour - 14 * minute, value: 1200 },
        { agoMs: 24 * hour - 5 * minute, sinceAgoMs: 24 * hour - 4 * minute, value: 60 },
      ]),
    ],
  });
  const state = await readBacklog(source, nowMs);
  expect(state?.profile.slice(0, 3)).toEqual([undefined, 2, undefined]);
  expect(state?.profileStepSeconds).toBe(600);
});

test('of subscriptions that Monitoring does not know nothing is told', async () => {
  expect(await readBacklog(monitoring({}).source, nowMs)).toBeUndefined();
});
