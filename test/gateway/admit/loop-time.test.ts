import { expect, test } from 'vitest';
import { JsonWeight } from '../../../gateway/admit/json-weight.ts';
import { readRequestBody } from '../../../gateway/admit/request-body.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';
import { decodeUtf8 } from '../../../shared/runtime/utf8.ts';

const mostBytes = 33_000_000;
const pieceBytes = 65_536;
const chat = (content: string) => `{"model":"m","messages":[{"role":"user","content":"${content}"}]}`;
const filled = (text: string) => text.repeat(Math.floor(mostBytes / Buffer.byteLength(text)));

/** Milliseconds of this thread, whatever else the machine does; the least of three, since others share its caches. */
function leastCpuMs(task: () => unknown): number {
  const each = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    task();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...each);
}

test.each<[string, () => string]>([
  ['marks of data URLs', () => chat(filled(';base64,'))],
  ['a picture', () => chat(`data:image/png;base64,${filled('QUJD')}`)],
  ['escaped quotes', () => chat(filled('\\"'))],
  ['characters of four bytes', () => chat(filled('🦆'))],
  ['long numbers', () => `{"model":"m","prompt":[${filled('1.23456789012345678e-30,')}1]}`],
  [
    'texts that all differ',
    () => `{"model":"m","input":[${Array.from({ length: 180_000 }, (_, i) => `"${i}"`).join()}]}`,
  ],
  ['keys that all differ', () => `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join()},"model":"m"}`],
])('no turn of the event loop takes 100 ms of CPU for 33 MB of %s', (_, text) => {
  const bytes = Buffer.from(text());
  const weight = new JsonWeight();
  for (let at = 0; at < bytes.length; at += pieceBytes)
    expect(weight.add(bytes.subarray(at, at + pieceBytes))).toBe(true);
  const read = decodeUtf8(bytes);
  expect(leastCpuMs(() => decodeUtf8(bytes))).toBeLessThan(100);
  expect(readRequestBody(bytes, apiRoutes.chatCompletions, read)).toMatchObject({ model: 'm' });
  expect(leastCpuMs(() => readRequestBody(bytes, apiRoutes.chatCompletions, read))).toBeLessThan(100);
});
