import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { journalPath, ResultFile } from '../../../infra/cli/submit/result-file.ts';

let folder: string;
let out: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backfill-results-'));
  out = join(folder, 'results.jsonl');
  file = join(folder, 'requests.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const linesOf = (...hashes: string[]) => new Map(hashes.map((hash, index) => [index + 1, { hash, bringsId: true }]));
const lines = linesOf('a', 'b');
const open = (job = 'again') => new ResultFile(out, file, lines, job);

function firstRun(): void {
  const results = open('first');
  results.recordPublished({ messageId: '5', line: 1, hash: 'a' });
  results.recordPublished({ messageId: '6', line: 2, hash: 'b' });
  results.writeResult(1, '{"ü":1}', null);
  results.close();
}

test('a later run goes on with the job of the first, and knows what it did', () => {
  firstRun();
  const next = open();
  expect(next.job).toBe('first');
  expect(next.earlier).toMatchObject({ published: [{ line: 1 }, { line: 2 }], answered: new Map([[1, null]]) });
  next.close();
  expect(readFileSync(out, 'utf8')).toBe('{"ü":1}\n');
});

test('what a killed run wrote without its record is written once, by the next', () => {
  firstRun();
  appendFileSync(out, '{"half":');
  const next = open();
  next.writeResult(2, '{}', 'status 500');
  next.close();
  expect(readFileSync(out, 'utf8')).toBe('{"ü":1}\n{}\n');
  const last = open();
  expect(last.earlier?.answered).toEqual(
    new Map([
      [1, null],
      [2, 'status 500'],
    ]),
  );
  last.close();
});

test('a run that published nothing leaves nothing', () => {
  open().close();
  expect([existsSync(out), existsSync(journalPath(out))]).toEqual([false, false]);
});

test('an empty file that was there is used, and stays', () => {
  writeFileSync(out, '');
  open().close();
  expect([existsSync(out), existsSync(journalPath(out))]).toEqual([true, false]);
});

test('a result file that no submission wrote is left alone', () => {
  writeFileSync(out, 'precious\n');
  expect(open).toThrow('choose another --out');
  expect(readFileSync(out, 'utf8')).toBe('precious\n');
});

test('results of another file are not mixed with these', () => {
  firstRun();
  expect(() => new ResultFile(out, join(folder, 'other.jsonl'), lines, 'j')).toThrow(
    'holds the results of requests.jsonl: choose another --out',
  );
});

test('a folder with the file and its results may move', () => {
  firstRun();
  const moved = join(folder, 'moved');
  mkdirSync(moved);
  for (const path of [out, journalPath(out)]) renameSync(path, path.replace(folder, moved));
  const next = new ResultFile(join(moved, 'results.jsonl'), join(moved, 'requests.jsonl'), lines, 'j');
  expect(next.job).toBe('first');
  next.close();
});

test.each([
  ['changed', linesOf('a', 'x')],
  ['gone', linesOf('a')],
])('a published line that is %s is told', (_what, now) => {
  firstRun();
  expect(() => new ResultFile(out, file, now, 'j')).toThrow('line 2 of');
});

test('a file that has grown goes on', () => {
  firstRun();
  const next = new ResultFile(out, file, linesOf('a', 'b', 'c'), 'j');
  expect(next.job).toBe('first');
  next.close();
});

test('results that are gone are noticed', () => {
  firstRun();
  truncateSync(out, 3);
  expect(open).toThrow('shorter than its journal');
});

test('after a refusal another run may have the files', () => {
  firstRun();
  expect(() => new ResultFile(out, file, linesOf('x'), 'j')).toThrow();
  open().close();
});
