import { expect, test, vi } from 'vitest';
import { decodeRequest } from '../../../shared/pubsub/request.ts';
import { unix } from '../../support/instants.ts';

const nowMs = unix(Date.UTC(2026, 10, 23));
const rules = {
  allowedEndpoints: ['/v1/chat/completions'],
  defaultDeadlineMs: 60_000,
  tenant: undefined,
  tenantAttributes: ['tenant'],
};
const decode = (text: string, attributes: Record<string, string> = {}) =>
  decodeRequest(
    { messageId: '77', publishedAtMs: nowMs, attributes, data: Buffer.from(text), fault: undefined },
    rules,
    nowMs,
  );
const refuse = (text: string): string => {
  const decoded = decode(text);
  return 'invalid' in decoded ? decoded.invalid : 'accepted';
};

// Of the request itself: model, messages, and the list without its elements.
const numbers = (count: number): string => `{"model":"m","messages":[${Array(count).fill('0').join()}]}`;
const keys = (count: number): string =>
  `{"model":"m","messages":[],${Array.from({ length: count }, (_, index) => `"${index}":0`).join()}}`;
test.each([
  ['200,000, elements', numbers(199_998), 'accepted'],
  ['200,000, members', keys(199_998), 'accepted'],
  ['one more element', numbers(199_999), 'data has more than 200000 members and elements'],
  ['one more member', keys(199_999), 'data has more than 200000 members and elements'],
  [
    'so many that the rest is not looked at',
    `{"id":"i","x":[${'[],'.repeat(300_000)}`,
    'data has more than 200000 members and elements',
  ],
])('%s', (_, text, verdict) => {
  expect(refuse(text)).toBe(verdict);
});
test('too many: nothing is parsed, and the id is the attribute’s or the message’s', () => {
  const parse = vi.spyOn(JSON, 'parse');
  const heavy = `{"custom_id":"theirs","body":{},"metadata":{"a":"b"},"x":[${'[],'.repeat(300_000)}1]}`;
  const [named, unnamed] = [decode(heavy, { id: 'given' }), decode(heavy)];
  const parses = parse.mock.calls.length;
  parse.mockRestore();
  expect(parses).toBe(0);
  expect([named, unnamed]).toMatchObject([{ identity: { id: 'given', metadata: {} } }, { identity: { id: '77' } }]);
});
test('a map that is longer than 64 KiB can be is not parsed', () => {
  const metadata = `{${Array.from({ length: 100_000 }, (_, index) => `"${index}":""`).join()}}`;
  expect(refuse(`{"payload":{"messages":[]},"metadata":${metadata}}`)).toBe('metadata must be at most 64 KiB');
  expect(refuse(`{"payload":{"messages":[]},"headers":${metadata}}`)).toBe('headers must be at most 64 KiB');
});
