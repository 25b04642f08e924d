import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type RequestLine, readRequestLines } from '../../../infra/cli/submit/request-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(text: string | Buffer) {
  const file = join(folder, 'requests.jsonl');
  writeFileSync(file, text);
  const lines: RequestLine[] = [];
  for await (const line of readRequestLines(file)) lines.push(line);
  return lines;
}

const long = `"${'x'.repeat(200_000)}"`;
const files: [what: string, text: string, lines: [number, string][]][] = [
  [
    'an end after the last line',
    '{}\n[]\n',
    [
      [1, '{}'],
      [2, '[]'],
    ],
  ],
  [
    'no end after the last line',
    '{}\n[]',
    [
      [1, '{}'],
      [2, '[]'],
    ],
  ],
  [
    'blank lines and returns',
    '\r\n{}\r\n \t\n[]\r\n',
    [
      [2, '{}'],
      [4, '[]'],
    ],
  ],
  ['a separator inside a string', '"a\u2028b"\n', [[1, '"a\u2028b"']]],
  [
    'a line larger than one read',
    `${long}\n1\n`,
    [
      [1, long],
      [2, '1'],
    ],
  ],
  ['nothing', '', []],
];

test.each(files)('a file with %s', async (_what, text, expected) => {
  const lines = await read(text);
  expect(lines.map(({ number, data }) => [number, data?.toString()])).toEqual(expected);
  expect(lines.map(({ sizeBytes }) => sizeBytes).every((size) => size > 0)).toBe(true);
});

test('bytes are kept that are no UTF-8', async () => {
  const [line] = await read(Buffer.from([0x22, 0xff, 0x22, 0x0a]));
  expect(line?.data).toEqual(Buffer.from([0x22, 0xff, 0x22]));
});

test('the hash tells another text, and the same', async () => {
  const [a, b, c] = (await read('{"a":1}\n{"a":2}\n{"a":1}\n')).map(({ hash }) => hash);
  expect([a === b, a === c]).toEqual([false, true]);
});

test('a line of more than a message holds has its size alone, and the next is read', async () => {
  const lines = await read(`${'x'.repeat(10_000_000)}\n${'x'.repeat(10_000_001)}\n{}\n`);
  expect(lines.map(({ number, data, sizeBytes }) => [number, data?.length, sizeBytes])).toEqual([
    [1, 10_000_000, 10_000_000],
    [2, undefined, 10_000_001],
    [3, 2, 2],
  ]);
});
