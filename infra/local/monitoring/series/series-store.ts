import { LRUCache } from 'lru-cache';
import type { ScrapedSample } from '../scrape/scraped-samples.ts';
import type { Interval } from './aggregate.ts';
import { type Filter, matches } from './filter.ts';
import { PointRing } from './point-ring.ts';
import { InvalidArgument, type Point, type Series, type SeriesIdentity, seriesKey } from './time-series.ts';

interface StoredSeries {
  readonly identity: SeriesIdentity;
  readonly ring: PointRing;
  /** A counter starts over at its first sample, which is never shown, as Google Managed Prometheus does. */
  reset: { readonly atMs: number; readonly value: number } | undefined;
  lastValue: number;
}

/** How much is kept. */
export interface StoreLimits {
  readonly maxSeries: number;
  readonly maxPointsPerSeries: number;
}

/** Every time series. Beyond `maxSeries`, the one that has been silent longest is forgotten. */
export class SeriesStore {
  readonly #limits: StoreLimits;
  readonly #series: LRUCache<string, StoredSeries>;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
    this.#series = new LRUCache({ max: limits.maxSeries });
  }

  /** @param delayMs how long after `atMs` readers begin to see it. */
  addScraped({ identity, value }: ScrapedSample, atMs: number, delayMs: number): void {
    const series = this.#touch(identity);
    if (identity.metricKind === 'GAUGE') {
      series.ring.add({ startMs: atMs, endMs: atMs, value }, atMs + delayMs);
      return;
    }
    if (series.reset === undefined) {
      series.reset = { atMs, value };
    } else {
      // A process that began again counts from zero; the millisecond keeps intervals of the two lives apart.
      if (value < series.lastValue) series.reset = { atMs: atMs - 1, value: 0 };
      const { reset } = series;
      series.ring.add({ startMs: reset.atMs, endMs: atMs, value: value - reset.value }, atMs + delayMs);
    }
    series.lastValue = value;
  }

  /** @throws {InvalidArgument} for a point that is not newer than the series' last. */
  addWritten(identity: SeriesIdentity, point: Point): void {
    const key = seriesKey(identity);
    if (point.endMs <= (this.#series.peek(key)?.ring.lastEndMs ?? Number.NEGATIVE_INFINITY)) {
      throw new InvalidArgument('points must be written in order: this one is not newer than the last of its series');
    }
    this.#touch(identity).ring.add(point, Number.NEGATIVE_INFINITY);
  }

  /** Series that match and have a shown point in the interval, in the order of their names. */
  read(filter: Filter, { startMs, endMs }: Interval, asOfMs: number): Series[] {
    return this.#matching(filter)
      .map(({ identity, ring }) => {
        const inside = (point: Point) => point.endMs <= endMs && (point.endMs > startMs || point.endMs === endMs);
        return { identity, points: [...ring.shownAt(asOfMs)].filter(inside) };
      })
      .filter(({ points }) => points.length > 0);
  }

  /** One identity for each metric type that matches. */
  metricTypes(filter: Filter | undefined): SeriesIdentity[] {
    const byType = new Map<string, SeriesIdentity>();
    for (const { identity } of this.#matching(filter)) byType.set(identity.metric.type, identity);
    return [...byType.values()];
  }

  #matching(filter: Filter | undefined): StoredSeries[] {
    return [...this.#series.entries()]
      .filter(([, { identity }]) => filter === undefined || matches(filter, identity))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, series]) => series);
  }

  #touch(identity: SeriesIdentity): StoredSeries {
    const key = seriesKey(identity);
    const known = this.#series.get(key);
    const series = known ?? {
      identity,
      ring: new PointRing(this.#limits.maxPointsPerSeries),
      reset: undefined,
      lastValue: 0,
    };
    this.#series.set(key, series);
    return series;
  }
}
