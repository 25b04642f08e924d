import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { BufferedBytes } from '../../../../../functions/processor/buffered-bytes.ts';
import { PushRoom } from '../../../../../functions/processor/fronts/push/push-room.ts';

function setUp() {
  const bytes = new BufferedBytes(100);
  const room = new PushRoom(bytes);
  const response = new EventEmitter();
  const request = {} as IncomingMessage;
  const admit = (sizeBytes: number) => room.admit(request, response as ServerResponse, sizeBytes);
  return { bytes, room, request, response, admit };
}

test('a push that does not fit is not let in, and holds nothing', () => {
  const { bytes, admit } = setUp();
  expect(admit(101)).toBe(false);
  expect(bytes.heldBytes).toBe(0);
});

test('a push that is lost before its delivery gives its room back', () => {
  const { bytes, admit, response } = setUp();
  expect(admit(60)).toBe(true);
  expect(bytes.heldBytes).toBe(60);
  response.emit('close');
  expect(bytes.heldBytes).toBe(0);
});

test('a delivery keeps the room to its end, although its sender has hung up', async () => {
  const { bytes, room, admit, request, response } = setUp();
  admit(60);
  const work = Promise.withResolvers<number>();
  const status = room.during(request, () => work.promise);
  response.emit('close');
  expect(bytes.heldBytes).toBe(60);
  work.resolve(204);
  expect(await status).toBe(204);
  expect(bytes.heldBytes).toBe(0);
});

test('a delivery that fails gives the room back', async () => {
  const { bytes, room, admit, request } = setUp();
  admit(60);
  await expect(room.during(request, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
  expect(bytes.heldBytes).toBe(0);
});
