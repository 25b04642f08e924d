import { expect, test } from 'vitest';
import { queueBefore } from '../../support/request-queues.ts';

test('a flood of one tenant costs no other its place: the tenant that holds most gives way', () => {
  const { queue, free, log, item } = queueBefore({ mostPerBand: 4 });
  for (const name of ['f1', 'f2', 'f3', 'f4']) queue.enter(item(name, 0, { tenant: 'flood' }));
  expect(queue.enter(item('f5', 0, { tenant: 'flood' })), 'its own is the largest').toBe('full');
  expect(queue.enter(item('q1', 0, { tenant: 'quiet' }))).toBe('waiting');
  expect(queue.enter(item('q2', 0, { tenant: 'quiet' }))).toBe('waiting');
  expect(log, 'the last ones go').toEqual(['f4 gave way', 'f3 gave way']);
  expect(queue.enter(item('q3', 0, { tenant: 'quiet' })), 'as much as the others hold').toBe('full');
  free.set('m', 9);
  queue.pump();
  expect(log.slice(2)).toEqual(['f1', 'q1', 'f2', 'q2']);
});

test('bytes count as items do: small ones get in where large ones fill the band', () => {
  const { queue, log, item } = queueBefore();
  const megabytes = 1024 * 1024;
  for (const name of ['l1', 'l2']) queue.enter(item(name, 0, { tenant: 'large', sizeBytes: 128 * megabytes }));
  expect(queue.enter(item('l3', 0, { tenant: 'large', sizeBytes: 1 }))).toBe('full');
  expect(queue.enter(item('s', 0, { tenant: 'small', sizeBytes: 1 }))).toBe('waiting');
  expect(log).toEqual(['l2 gave way']);
});

test('an arrival asks for room for itself alone, and a pump once for each model that is waited for', () => {
  let asked = 0;
  const { queue, item } = queueBefore({
    mostPerBand: 1000,
    roomInMs: () => {
      asked += 1;
      return undefined;
    },
  });
  for (let index = 0; index < 100; index += 1) queue.enter(item(`${index}`, 0, { model: `m${index % 50}` }));
  // And the first one by its pump.
  expect(asked).toBe(101);
  asked = 0;
  queue.pump();
  expect(asked).toBe(50);
});

test('no item gives way to one that is refused all the same', () => {
  const { queue, log, item } = queueBefore();
  const megabytes = 1024 * 1024;
  for (const name of ['a1', 'a2']) queue.enter(item(name, 0, { tenant: 'a', sizeBytes: 60 * megabytes }));
  for (const name of ['b', 'c']) queue.enter(item(name, 0, { tenant: name, sizeBytes: 65 * megabytes }));
  expect(queue.enter(item('huge', 0, { tenant: 'd', sizeBytes: 110 * megabytes }))).toBe('full');
  expect(log).toEqual([]);
  expect([...queue.items()]).toHaveLength(4);
});

test('an item that comes behind others is looked at in a moment, whatever else happens', async () => {
  const { clock, queue, free, log, item } = queueBefore();
  queue.enter(item('first'));
  free.set('m', 2);
  queue.enter(item('second'));
  expect(log).toEqual([]);
  await clock.advance(5);
  expect(log).toEqual(['first', 'second']);
});
