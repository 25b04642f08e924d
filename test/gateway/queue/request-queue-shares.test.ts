import { expect, test } from 'vitest';
import { roomBefore } from '../../support/waiting-rooms.ts';

test('a flood of one tenant costs no other its place: the tenant that holds most gives way', () => {
  const { room, free, log, ticket } = roomBefore({ mostPerBand: 4 });
  for (const name of ['f1', 'f2', 'f3', 'f4']) room.enter(ticket(name, 0, { tenant: 'flood' }));
  expect(room.enter(ticket('f5', 0, { tenant: 'flood' })), 'its own is the largest').toBe('full');
  expect(room.enter(ticket('q1', 0, { tenant: 'quiet' }))).toBe('waiting');
  expect(room.enter(ticket('q2', 0, { tenant: 'quiet' }))).toBe('waiting');
  expect(log, 'who came last goes').toEqual(['f4 gave way', 'f3 gave way']);
  expect(room.enter(ticket('q3', 0, { tenant: 'quiet' })), 'as much as the others hold').toBe('full');
  free.set('m', 9);
  room.pump();
  expect(log.slice(2)).toEqual(['f1', 'q1', 'f2', 'q2']);
});

test('bytes count as tickets do: small ones get in where large ones fill the band', () => {
  const { room, log, ticket } = roomBefore();
  const megabytes = 1024 * 1024;
  for (const name of ['l1', 'l2']) room.enter(ticket(name, 0, { tenant: 'large', sizeBytes: 128 * megabytes }));
  expect(room.enter(ticket('l3', 0, { tenant: 'large', sizeBytes: 1 }))).toBe('full');
  expect(room.enter(ticket('s', 0, { tenant: 'small', sizeBytes: 1 }))).toBe('waiting');
  expect(log).toEqual(['l2 gave way']);
});

test('an arrival asks for itself alone, and a turn for each thing that is wanted once', () => {
  let asked = 0;
  const { room, ticket } = roomBefore({
    mostPerBand: 1000,
    roomInMs: () => {
      asked += 1;
      return undefined;
    },
  });
  for (let index = 0; index < 100; index += 1) room.enter(ticket(`${index}`, 0, { model: `m${index % 50}` }));
  expect(asked).toBeLessThanOrEqual(51);
  asked = 0;
  room.pump();
  expect(asked).toBe(50);
});

test('nobody gives way for one who is refused all the same', () => {
  const { room, log, ticket } = roomBefore();
  const megabytes = 1024 * 1024;
  for (const name of ['a1', 'a2']) room.enter(ticket(name, 0, { tenant: 'a', sizeBytes: 60 * megabytes }));
  for (const name of ['b', 'c']) room.enter(ticket(name, 0, { tenant: name, sizeBytes: 65 * megabytes }));
  expect(room.enter(ticket('huge', 0, { tenant: 'd', sizeBytes: 110 * megabytes }))).toBe('full');
  expect(log).toEqual([]);
  expect([...room.tickets()]).toHaveLength(4);
});

test('who comes behind others is looked at in a moment, whatever else happens', async () => {
  const { clock, room, free, log, ticket } = roomBefore();
  room.enter(ticket('first'));
  free.set('m', 2);
  room.enter(ticket('second'));
  expect(log).toEqual([]);
  await clock.advance(5);
  expect(log).toEqual(['first', 'second']);
});
