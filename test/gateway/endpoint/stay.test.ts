import { expect, test } from 'vitest';
import { Endpoint } from '../../../gateway/endpoint/endpoint.ts';
import type { EntryRequest } from '../../../gateway/endpoint/in-flight.ts';
import { entryOf } from '../../support/ledger-entries.ts';
import { type TicketWish, ticketOf } from '../../support/tickets.ts';

function setUp(wish: TicketWish = {}) {
  const clock = { nowMs: 1000 };
  const options = { nowMs: () => clock.nowMs, staleAfterMs: 1000, onUsableChange: () => {} };
  const endpoint = new Endpoint({ url: 'http://a:1', labels: {} }, options);
  const { intake, ledger } = endpoint;
  const open = (of: TicketWish = wish, changes: Partial<EntryRequest> = {}) => {
    const ticket = ticketOf({ arrivedAtMs: 900, ...of });
    const { workClass, promptTokens, stream } = ticket.request;
    const firstTokenExpectedAtMs = clock.nowMs + promptTokens * 0.03;
    return intake.open(
      ticket,
      ledger.open(entryOf(workClass, promptTokens, { stream, firstTokenExpectedAtMs, ...changes })),
    );
  };
  return { clock, endpoint, intake, open };
}

test('times are those of the request: the first chunk since its arrival, the others since the first', () => {
  const { clock, open } = setUp();
  const stay = open();
  expect([stay.ttftMs, stay.tpotMs, stay.progressTokens]).toEqual([undefined, undefined, 0]);
  clock.nowMs = 1050;
  stay.sawChunk();
  expect([stay.ttftMs, stay.tpotMs, stay.progressTokens]).toEqual([150, undefined, 1]);
  clock.nowMs = 1110;
  for (const atMs of [1070, 1100, 1110]) {
    clock.nowMs = atMs;
    stay.sawChunk();
  }
  expect([stay.ttftMs, stay.tpotMs, stay.progressTokens]).toEqual([150, 20, 4]);
});

test('an answer that comes whole shows no times; its progress follows from its prompt and the engine’s pace', () => {
  const { clock, open } = setUp({ stream: false, promptTokens: 1000 });
  const stay = open();
  stay.sawChunk();
  expect(stay.ttftMs).toBeUndefined();
  clock.nowMs = 1030;
  expect(stay.progressTokens).toBe(0);
  clock.nowMs = 1230;
  expect(stay.progressTokens).toBe(10);
});

test('its progress goes by the pace of the streams beside it', () => {
  const { clock, open } = setUp();
  const whole = open({ stream: false, promptTokens: 1 });
  const stream = open();
  for (let chunk = 0; chunk < 11; chunk += 1) {
    clock.nowMs += 10;
    stream.sawChunk();
  }
  expect(whole.progressTokens).toBe(10);
});

test('a first chunk that came later than it would have alone was queued for so long, and that fades', () => {
  const { clock, endpoint, intake, open } = setUp();
  const stay = open({ ttftSloMs: 1000 }, { ttftAloneMs: 40 });
  clock.nowMs += 2040;
  stay.sawChunk();
  endpoint.recordLoad({ running: 1, waiting: 0, kvCacheUtilization: 0 });
  // A tenth of two seconds, of half a second that may be spent in a queue.
  expect(intake.pressure).toBeCloseTo(200 / 500, 1);
  clock.nowMs += 20_000;
  endpoint.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0 });
  expect(intake.pressure).toBeLessThan(0.01);
});

test('a complete answer tells its pace: whole ones by their length, streams by tokens in a chunk', () => {
  const { clock, intake, open } = setUp();
  const whole = open({ stream: false });
  clock.nowMs += 400.03;
  whole.served(7);
  expect(intake.gaps.tpotMs(clock.nowMs)).toBeUndefined();
  clock.nowMs += 100;
  whole.served(25);
  expect(intake.gaps.tpotMs(clock.nowMs)).toBeCloseTo(20, 6);
  whole.end();
  const stream = open();
  for (let chunk = 0; chunk < 10; chunk += 1) {
    clock.nowMs += 30;
    stream.sawChunk();
  }
  stream.served(30);
  expect(intake.gaps.tpotMs(clock.nowMs)).toBeCloseTo(30 / (1 + 2 / 16), 9);
});

test('after its end it is gone, and says nothing more', () => {
  const { clock, intake, open } = setUp();
  const stay = open();
  stay.sawChunk();
  stay.end();
  stay.end();
  clock.nowMs += 50;
  stay.sawChunk();
  expect([stay.progressTokens, intake.stays.size, intake.gaps.tpotMs(clock.nowMs)]).toEqual([1, 0, undefined]);
});
