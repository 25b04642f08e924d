import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkRequests, readRequestLines } from '../../../infra/cli/submit/request-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-submit-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string | Buffer): string {
  const file = join(folder, 'requests.jsonl');
  writeFileSync(file, text);
  return file;
}

async function read(text: string): Promise<[number, string][]> {
  const lines: [number, string][] = [];
  for await (const { number, data } of readRequestLines(fileWith(text))) lines.push([number, data.toString()]);
  return lines;
}

const files: [string, string, [number, string][]][] = [
  [
    'with an end after the last line',
    '{}\n[]\n',
    [
      [1, '{}'],
      [2, '[]'],
    ],
  ],
  [
    'without one',
    '{}\n[]',
    [
      [1, '{}'],
      [2, '[]'],
    ],
  ],
  [
    'with blank lines and returns',
    '\r\n{}\r\n \n[]\r\n',
    [
      [2, '{}'],
      [4, '[]'],
    ],
  ],
  ['with a separator inside a string', '"a\u2028b"\n', [[1, '"a\u2028b"']]],
  [
    'larger than one read',
    `"${'x'.repeat(200_000)}"\n1\n`,
    [
      [1, `"${'x'.repeat(200_000)}"`],
      [2, '1'],
    ],
  ],
];

test.each(files)('a file %s', async (_name, text, expected) => {
  expect(await read(text)).toEqual(expected);
});

test('the same text twice is two requests, and a line keeps its name wherever it stands', async () => {
  const keys = await checkRequests(fileWith('{"a":1}\n{"a":2}\n{"a":1}\n'));
  expect(new Set(keys).size).toBe(3);
  expect(await checkRequests(fileWith('{"a":2}\n{"a":1}\n'))).toEqual([keys[1], keys[0]]);
});

test('every line that is no JSON is named', async () => {
  await expect(checkRequests(fileWith('{}\nhello\n{}\n{"a":\n'))).rejects.toThrow(
    /nothing was sent:\n {2}line 2 is no JSON.*\n {2}line 4/,
  );
});

test('a line too large for a message is named', async () => {
  await expect(checkRequests(fileWith(`{}\n"${'x'.repeat(9_990_000)}"`))).rejects.toThrow('line 2 has 9990002 bytes');
});

test('an empty file is refused', async () => {
  await expect(checkRequests(fileWith('\n\n'))).rejects.toThrow('no request');
});
