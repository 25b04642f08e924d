import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrpcFault, GrpcMessages } from '../../../../gateway/fronts/ext-proc/grpc-messages.ts';
import { BodyBudget } from '../../../../gateway/fronts/http/held-body.ts';

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test('however the bytes are cut, the messages are the same, and nothing stays held', () => {
  const someMessages = fc.array(fc.uint8Array({ maxLength: 20_000, size: 'max' }), { maxLength: 6 });
  fc.assert(
    fc.property(someMessages, fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(framed));
      const budget = new BodyBudget(1e9);
      const messages = new GrpcMessages({ mostMessageBytes: 1e6, budget });
      const got: Buffer[] = [];
      for (let at = 0, index = 0; at < bytes.length; index += 1) {
        const size = cuts[index % cuts.length] ?? 1;
        messages.push(bytes.subarray(at, at + size), (message) => got.push(Buffer.from(message)));
        at += size;
      }
      expect(got.map((each) => each.toString('hex'))).toEqual(sent.map((each) => Buffer.from(each).toString('hex')));
      expect(budget.heldBytes).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('what has begun is held in the budget until it is whole, or its call is gone', () => {
  const budget = new BodyBudget(1e9);
  const messages = new GrpcMessages({ mostMessageBytes: 1000, budget });
  messages.push(framed(Buffer.alloc(900)).subarray(0, 600), () => expect.unreachable());
  expect(budget.heldBytes).toBe(600);
  messages.close();
  messages.close();
  expect(budget.heldBytes).toBe(0);
});

test.each<[string, Buffer, number, number]>([
  ['compressed', Buffer.from([1, 0, 0, 0, 0]), 1e9, 12],
  ['larger than a message may be', Buffer.from([0, 0, 0, 4, 1]), 1e9, 8],
  ['more than may be held', framed(Buffer.alloc(900)).subarray(0, 800), 700, 8],
])('refused: %s', (_, bytes, most, status) => {
  const messages = new GrpcMessages({ mostMessageBytes: 1024, budget: new BodyBudget(most) });
  expect(() => messages.push(bytes, () => {})).toThrow(GrpcFault);
  expect(() =>
    new GrpcMessages({ mostMessageBytes: 1024, budget: new BodyBudget(most) }).push(bytes, () => {}),
  ).toThrow(expect.objectContaining({ status }));
});
