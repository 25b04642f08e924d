import fc from 'fast-check';
import { expect, test } from 'vitest';
import { page } from '../../../../infra/local/pubsub/catalog/page.ts';
import { resourceName } from '../../../../infra/local/pubsub/catalog/resource-names.ts';
import { readAckId, writeAckId } from '../../../../infra/local/pubsub/pull/ack-id.ts';

test.each([
  ['the shortest', 'projects/p/topics/abc', true],
  ['too short', 'projects/p/topics/ab', false],
  ['the longest', `projects/p/topics/a${'b'.repeat(254)}`, true],
  ['too long', `projects/p/topics/a${'b'.repeat(255)}`, false],
  ['every sign', 'projects/p/topics/a-._~+%1', true],
  ['begins with a digit', 'projects/p/topics/1abc', false],
  ['reserved', 'projects/p/topics/google', false],
  ['another collection', 'projects/p/subscriptions/abc', false],
  ['no project', 'projects//topics/abc', false],
  ['no string', 7, false],
])('a name that is %s', (_, name, legal) => {
  if (legal) expect(resourceName('topics', name)).toBe(name);
  else expect(() => resourceName('topics', name)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

test('an ack id is read as it was written', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 999_999 }), (deliveryId, attempt) => {
      expect(readAckId(writeAckId({ deliveryId, attempt }))).toEqual({ deliveryId, attempt });
    }),
  );
  expect(() => readAckId('nonsense')).toThrow(/malformed/);
});

test('pages give every name once, in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), fc.integer({ min: 1, max: 5 }), (unsorted, pageSize) => {
      const names = unsorted.sort();
      const seen: string[] = [];
      let pageToken: string | undefined = '';
      while (pageToken !== undefined) {
        const shown: ReturnType<typeof page> = page(names, { pageSize, pageToken });
        seen.push(...shown.names);
        pageToken = shown.nextPageToken;
      }
      expect(seen).toEqual(names);
    }),
  );
});
