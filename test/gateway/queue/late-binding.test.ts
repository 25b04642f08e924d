import { expect, test } from 'vitest';
import { Chooser } from '../../../gateway/choose/chooser.ts';
import { policies } from '../../../gateway/choose/policies/policies.ts';
import type { LedgerEntry } from '../../../gateway/endpoint/in-flight.ts';
import { Pool } from '../../../gateway/endpoint/pool.ts';
import { hasRoom, lateBinding } from '../../../gateway/queue/late-binding.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { type TicketWish, ticketOf } from '../../support/tickets.ts';

/** Engines of which each runs so many at once; readings are taken when asked. */
function setUp(places: number, engines = 1) {
  const clock = createManualClock(0);
  const pool = new Pool(
    { nowMs: clock.now, staleAfterMs: 1e9, onUsableChange: () => {} },
    { added: () => {}, removed: () => {} },
  );
  pool.replace(Array.from({ length: engines }, (_, index) => ({ url: `http://e${index}:1`, labels: {} })));
  const chooser = new Chooser({
    pool,
    policy: policies['least-request'],
    hasRoom,
    nowMs: clock.now,
    random: () => 0,
    onChoice: () => {},
  });
  const log: string[] = [];
  const room = lateBinding({
    clock,
    pool,
    choose: (ticket) => chooser.choose(ticket.request),
    mostPerBand: 1000,
    timeoutMs: { realtime: 60_000, sheddable: 60_000 },
  });
  const running = new Map<string, { entry: LedgerEntry; end(): void }>();
  const arrive = (name: string, wish: TicketWish = {}) => {
    const plain = ticketOf({ arrivedAtMs: clock.now(), ...wish });
    return room.enter({
      ...plain,
      start: ({ endpoint, entry }) => {
        const stay = endpoint.intake.open(plain, entry);
        log.push(name);
        const end = () => {
          running.delete(name);
          entry.close();
          stay.end();
          room.pump();
        };
        plain.evict = () => {
          log.push(`${name} evicted`);
          end();
        };
        running.set(name, { entry, end });
      },
    });
  };
  /** After the step in which the last of them came. */
  const read = async () => {
    await clock.advance(60);
    for (const endpoint of pool.endpoints) {
      const own = endpoint.inFlight;
      endpoint.recordLoad({
        running: Math.min(own, places),
        waiting: Math.max(0, own - places),
        kvCacheUtilization: 0,
      });
    }
    room.pump();
  };
  return { clock, pool, room, log, arrive, read, running };
}

test('an engine’s queue stays short: what it cannot run waits in the gateway, and goes as places come', async () => {
  const { arrive, read, running, pool, room } = setUp(4);
  for (let index = 0; index < 6; index += 1) arrive(`a${index}`);
  await read();
  await read();
  for (let index = 0; index < 20; index += 1) arrive(`b${index}`);
  expect([pool.endpoints[0]?.inFlight, room.counts.get(0)]).toEqual([6, 20]);
  running.get('a0')?.end();
  running.get('a1')?.end();
  expect(pool.endpoints[0]?.inFlight).toBe(5);
  expect(room.counts.get(0)).toBe(19);
});

test('a real-time request that waits goes before every sheddable one, whoever came first', async () => {
  const { arrive, read, running, log } = setUp(2);
  for (let index = 0; index < 3; index += 1) arrive(`first${index}`);
  await read();
  await read();
  arrive('shed', { priority: -1 });
  arrive('real');
  arrive('high', { priority: 100 });
  log.length = 0;
  for (const name of ['first0', 'first1', 'first2']) running.get(name)?.end();
  expect(log.slice(0, 2)).toEqual(['high', 'real']);
});

test('sheddable work without a first token is stopped for a request that has waited a quarter of its TTFT', async () => {
  const { clock, arrive, read, log } = setUp(2);
  for (let index = 0; index < 3; index += 1) {
    arrive(`shed${index}`, { priority: -1 });
    await clock.advance(1);
  }
  await read();
  await read();
  log.length = 0;
  expect(arrive('real', { ttftSloMs: 400 })).toBe('waiting');
  await clock.advance(99);
  expect(log).toEqual([]);
  await clock.advance(1);
  // One that runs, and the one that stands in the engine's queue before it.
  expect(log).toEqual(['shed0 evicted', 'shed1 evicted', 'real']);
});

test('with room it goes to the engine that has it', async () => {
  const { arrive, read, pool, running } = setUp(1, 2);
  for (let index = 0; index < 4; index += 1) arrive(`a${index}`);
  await read();
  await read();
  expect(arrive('waits')).toBe('waiting');
  expect(pool.endpoints.map(({ inFlight }) => inFlight)).toEqual([2, 2]);
  const [one] = [...running.values()];
  one?.end();
  expect(running.has('waits')).toBe(true);
});

test('a model that nobody serves is waited for until an endpoint comes', async () => {
  const { clock, arrive, pool, room, log } = setUp(4);
  pool.recordModels(pool.endpoints[0]!, new Map([['other', {}]]));
  expect(arrive('m')).toBe('waiting');
  await clock.advance(5000);
  pool.replace([...pool.endpoints, { url: 'http://new:1', labels: {} }]);
  room.pump();
  expect(log).toEqual(['m']);
});
