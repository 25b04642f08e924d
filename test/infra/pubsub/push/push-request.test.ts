import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acknowledges, pushBody } from '../../../../infra/local/pubsub/push/push-request.ts';
import type { UnixMs } from '../../../../shared/runtime/clock.ts';

test('102, 200, 201, 202 and 204 acknowledge, and nothing else', () => {
  const all = Array.from({ length: 500 }, (_, n) => n + 100);
  expect(all.filter(acknowledges)).toEqual([102, 200, 201, 202, 204]);
  expect(acknowledges(undefined)).toBe(false);
});

test('the attempt is told only where there is one to tell', () => {
  const message = { messageId: '7', publishTimeMs: 0 as UnixMs, data: new Uint8Array(), attributes: {} };
  expect(JSON.parse(pushBody('projects/p/subscriptions/sub', message, undefined))).toEqual({
    message: {
      messageId: '7',
      message_id: '7',
      publishTime: '1970-01-01T00:00:00.000Z',
      publish_time: '1970-01-01T00:00:00.000Z',
    },
    subscription: 'projects/p/subscriptions/sub',
  });
  expect(JSON.parse(pushBody('projects/p/subscriptions/sub', message, 3)).deliveryAttempt).toBe(3);
});

test('data and attributes come through whole', () => {
  const attributes = fc.dictionary(fc.string({ minLength: 1 }), fc.string());
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), attributes, (data, map) => {
      const message = { messageId: '7', publishTimeMs: 0 as UnixMs, data, attributes: map };
      const { message: read } = JSON.parse(pushBody('s', message, undefined));
      expect(Buffer.from(read.data, 'base64').equals(data)).toBe(true);
      expect(read.attributes ?? {}).toEqual(map);
    }),
  );
});
