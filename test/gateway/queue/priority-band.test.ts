import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriorityBand } from '../../../gateway/queue/priority-band.ts';
import type { QueueItem } from '../../../gateway/queue/request-queue.ts';
import { retainedBytes } from '../../support/retained-memory.ts';
import { type TicketWish, ticketOf } from '../../support/tickets.ts';

const none: ReadonlySet<string> = new Set();

function serveAll(band: PriorityBand<QueueItem>, blocked = none): QueueItem[] {
  const served: QueueItem[] = [];
  for (let next = band.next(blocked); next; next = band.next(blocked)) {
    band.serve(next);
    served.push(next);
  }
  return served;
}

function bandOf(wishes: readonly TicketWish[]) {
  const band = new PriorityBand<QueueItem>();
  const tickets = wishes.map((wish) => ticketOf(wish));
  for (const ticket of tickets) band.add(ticket);
  const order = (blocked = none) => serveAll(band, blocked).map((ticket) => tickets.indexOf(ticket));
  return { band, tickets, order };
}

test.each<[string, TicketWish[], number[]]>([
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

test('those whose turn it is stand in order, without what is blocked', () => {
  const { band, tickets } = bandOf([
    { tenant: 'a', model: 'x', arrivedAtMs: 2 },
    { tenant: 'a', model: 'x', arrivedAtMs: 3 },
    { tenant: 'a', model: 'y', arrivedAtMs: 1 },
    { tenant: 'b', model: 'x', arrivedAtMs: 0 },
    { tenant: 'b', model: 'z', arrivedAtMs: 9 },
  ]);
  const order = (blocked: string[]) => band.inTurn(new Set(blocked)).map((ticket) => tickets.indexOf(ticket));
  expect(order([])).toEqual([3, 2, 0, 4]);
  expect(order(['x'])).toEqual([2, 4]);
  expect(order(['x', 'y', 'z'])).toEqual([]);
  band.serve(tickets[3]!);
  expect(order([]), 'whose turn it was stands behind').toEqual([2, 0, 4]);
});

test('tenants that leave without having been served are forgotten', () => {
  const { band } = bandOf([{ tenant: 'stays' }]);
  const before = retainedBytes();
  for (let tenant = 0; tenant < 50_000; tenant += 1) {
    const passing = ticketOf({ tenant: `t${tenant}` });
    band.add(passing);
    band.remove(passing);
  }
  expect(retainedBytes() - before).toBeLessThan(1_000_000);
  expect(band.count).toBe(1);
});

test('who comes back at once does not overtake, who was away gathers no claims', () => {
  const { band } = bandOf([{ tenant: 'busy' }, { tenant: 'busy' }, { tenant: 'other', promptTokens: 99 }]);
  const [first] = [band.next(none)!];
  band.serve(first);
  const second = band.next(none)!;
  band.serve(second);
  expect([first.tenant, second.tenant]).toEqual(['busy', 'other']);
  band.add(ticketOf({ tenant: 'other', arrivedAtMs: -1 }));
  expect(serveAll(band).map(({ tenant }) => tenant)).toEqual(['busy', 'other']);
});

test.each([
  [1000, ['new', 'first']],
  [1001, ['first', 'new']],
])('of tenants that come and go without end, %i after it, the last thousand are remembered', (others, order) => {
  const blocked = new Set(['blocked']);
  const { band } = bandOf([{ tenant: 'stays', model: 'blocked' }, { tenant: 'first' }]);
  serveAll(band, blocked);
  for (let other = 0; other < others - 1; other += 1) {
    band.add(ticketOf({ tenant: `other-${other}` }));
    serveAll(band, blocked);
  }
  for (const tenant of ['first', 'new']) band.add(ticketOf({ tenant }));
  expect(serveAll(band, blocked).map(({ tenant }) => tenant)).toEqual(order);
});

test('any tickets: each is served once, a tenant’s in order of deadline, and no backlogged tenant gets far behind', () => {
  const wish = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c'),
    model: fc.constantFrom('m', 'n'),
    promptTokens: fc.integer({ min: 1, max: 1000 }),
    ttftSloMs: fc.nat(100),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 60 }), (wishes) => {
      const { band, tickets } = bandOf(wishes);
      const work = new Map(tickets.map(({ tenant }) => [tenant, 0]));
      const most = Math.max(0, ...tickets.map(({ terms }) => terms.work));
      const served: QueueItem[] = [];
      for (let next = band.next(none); next; next = band.next(none)) {
        const backlogged = new Set([...band.tickets()].map(({ tenant }) => tenant));
        const shares = [...backlogged].map((tenant) => work.get(tenant) ?? 0);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(most);
        band.serve(next);
        served.push(next);
        work.set(next.tenant, (work.get(next.tenant) ?? 0) + next.terms.work);
      }
      expect(new Set(served).size).toBe(tickets.length);
      expect([band.count, band.sizeBytes, [...band.tickets()]]).toEqual([0, 0, []]);
      for (const tenant of work.keys()) {
        const deadlines = served.filter((ticket) => ticket.tenant === tenant).map(({ terms }) => terms.deadlineAtMs);
        expect(deadlines).toEqual(deadlines.toSorted((a, b) => a - b));
      }
    }),
  );
});
