import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriorityBand } from '../../../gateway/queue/priority-band.ts';
import type { QueueItem } from '../../../gateway/request.ts';
import { type ItemWish, queueItemOf } from '../../support/queue-items.ts';
import { retainedBytes } from '../../support/retained-memory.ts';

const none: ReadonlySet<string> = new Set();

function serveAll(band: PriorityBand<QueueItem>, blocked = none): QueueItem[] {
  const served: QueueItem[] = [];
  for (let next = band.next(blocked); next; next = band.next(blocked)) {
    band.serve(next);
    served.push(next);
  }
  return served;
}

function bandOf(wishes: readonly ItemWish[]) {
  const band = new PriorityBand<QueueItem>();
  const items = wishes.map((wish) => queueItemOf(wish));
  for (const item of items) band.add(item);
  const order = (blocked = none) => serveAll(band, blocked).map((item) => items.indexOf(item));
  return { band, items, order };
}

test.each<[string, ItemWish[], number[]]>([
  ['without a promise: in order of arrival', [{ arrivedAtMs: 1 }, { arrivedAtMs: 2 }, { arrivedAtMs: 3 }], [0, 1, 2]],
  ['the earliest deadline first', [{ ttftSloMs: 900 }, { ttftSloMs: 200 }, { arrivedAtMs: 500 }], [1, 2, 0]],
  ['equal deadlines: in order of arrival', [{ ttftSloMs: 5 }, { arrivedAtMs: 5 }, { ttftSloMs: 5 }], [0, 1, 2]],
  ['tenants by turns', [{ tenant: 'a' }, { tenant: 'a' }, { tenant: 'a' }, { tenant: 'b' }], [0, 3, 1, 2]],
  [
    'by work, not by count: three small ones for one large one',
    [
      ...Array.from({ length: 4 }, () => ({ tenant: 'small', promptTokens: 99 })),
      { tenant: 'large', promptTokens: 299 },
      { tenant: 'large', promptTokens: 299 },
    ],
    [0, 4, 1, 2, 3, 5],
  ],
  [
    'a deadline decides within a tenant, not between',
    [{ tenant: 'a' }, { tenant: 'a' }, { tenant: 'b', ttftSloMs: 9 }],
    [0, 2, 1],
  ],
])('%s', (_, wishes, expected) => {
  expect(bandOf(wishes).order()).toEqual(expected);
});

test('a blocked model is passed over, with its tenant’s other models in their turn', () => {
  const { order, band } = bandOf([{ model: 'big' }, { model: 'small' }, { tenant: 'b', model: 'big' }]);
  expect(order(new Set(['big']))).toEqual([1]);
  expect([band.isWanted('big'), band.isWanted('small'), band.count]).toEqual([true, false, 2]);
});

test('turns go by the heads of the queues, without what is blocked or of a model that is barred', () => {
  const { band, items } = bandOf([
    { tenant: 'a', model: 'x', arrivedAtMs: 2 },
    { tenant: 'a', model: 'x', arrivedAtMs: 3 },
    { tenant: 'a', model: 'y', arrivedAtMs: 1 },
    { tenant: 'b', model: 'x', arrivedAtMs: 0 },
    { tenant: 'b', model: 'z', arrivedAtMs: 9 },
  ]);
  const next = (blocked: string[], barred: string[] = []) => {
    const item = band.next(new Set(blocked), new Set(barred));
    return item && items.indexOf(item);
  };
  expect(next([])).toBe(3);
  expect(next(['x'])).toBe(2);
  expect(next(['x', 'y'])).toBe(4);
  expect(next(['x', 'y', 'z'])).toBeUndefined();
  expect(next([], ['x'])).toBe(2);
  expect(next(['y'], ['x'])).toBe(4);
  expect(next([], ['x', 'y', 'z'])).toBeUndefined();
  band.serve(items[3]!);
  expect(next([]), 'the tenant that had its turn stands behind').toBe(2);
  expect(next(['x', 'y'])).toBe(4);
});

test('tenants that leave without having been served are forgotten', () => {
  const { band } = bandOf([{ tenant: 'stays' }]);
  const before = retainedBytes();
  for (let tenant = 0; tenant < 50_000; tenant += 1) {
    const passing = queueItemOf({ tenant: `t${tenant}` });
    band.add(passing);
    band.remove(passing);
  }
  expect(retainedBytes() - before).toBeLessThan(1_000_000);
  expect(band.count).toBe(1);
});

test('a tenant that comes back at once does not overtake, and one that was away gathers no claims', () => {
  const { band } = bandOf([{ tenant: 'busy' }, { tenant: 'busy' }, { tenant: 'other', promptTokens: 99 }]);
  const [first] = [band.next(none)!];
  band.serve(first);
  const second = band.next(none)!;
  band.serve(second);
  expect([first.request.tenant, second.request.tenant]).toEqual(['busy', 'other']);
  band.add(queueItemOf({ tenant: 'other', arrivedAtMs: -1 }));
  expect(serveAll(band).map(({ request }) => request.tenant)).toEqual(['busy', 'other']);
});

test.each([
  [1000, ['new', 'first']],
  [1001, ['first', 'new']],
])('of tenants that come and go without end, %i after it, the last thousand are remembered', (others, order) => {
  const blocked = new Set(['blocked']);
  const { band } = bandOf([{ tenant: 'stays', model: 'blocked' }, { tenant: 'first' }]);
  serveAll(band, blocked);
  for (let other = 0; other < others - 1; other += 1) {
    band.add(queueItemOf({ tenant: `other-${other}` }));
    serveAll(band, blocked);
  }
  for (const tenant of ['first', 'new']) band.add(queueItemOf({ tenant }));
  expect(serveAll(band, blocked).map(({ request }) => request.tenant)).toEqual(order);
});

test('any items: each is served once, those of a tenant in order of deadline, and no tenant that waits gets far behind', () => {
  const wish = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c'),
    model: fc.constantFrom('m', 'n'),
    promptTokens: fc.integer({ min: 1, max: 1000 }),
    ttftSloMs: fc.nat(100),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 60 }), (wishes) => {
      const { band, items } = bandOf(wishes);
      const work = new Map(items.map(({ request }) => [request.tenant, 0]));
      const most = Math.max(0, ...items.map(({ cost }) => cost.work));
      const served: QueueItem[] = [];
      for (let next = band.next(none); next; next = band.next(none)) {
        const backlogged = new Set([...band.items()].map(({ request }) => request.tenant));
        const shares = [...backlogged].map((tenant) => work.get(tenant) ?? 0);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(most);
        band.serve(next);
        served.push(next);
        const { tenant } = next.request;
        work.set(tenant, (work.get(tenant) ?? 0) + next.cost.work);
      }
      expect(new Set(served).size).toBe(items.length);
      expect([band.count, band.sizeBytes, [...band.items()]]).toEqual([0, 0, []]);
      for (const tenant of work.keys()) {
        const deadlines = served
          .filter(({ request }) => request.tenant === tenant)
          .map(({ cost }) => cost.deadlineAtMs);
        expect(deadlines).toEqual(deadlines.toSorted((a, b) => a - b));
      }
    }),
  );
});
