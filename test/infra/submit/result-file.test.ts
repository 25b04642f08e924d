import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { journalPath, ResultFile, readEarlierRun } from '../../../infra/cli/submit/result-file.ts';

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backfill-results-'));
  out = join(folder, 'results.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

function firstRun(): void {
  const file = new ResultFile(out, 's', undefined);
  file.recordPublished('a');
  file.recordPublished('b');
  file.writeResult('a', false, '{\n "ü": 1 }');
  file.close();
}

test('each result takes one line, and the journal tells the rest', () => {
  firstRun();
  expect(readFileSync(out, 'utf8')).toBe('{  "ü": 1 }\n');
  expect(readEarlierRun(out)).toMatchObject({
    submission: 's',
    published: new Set(['a', 'b']),
    answered: new Map([['a', false]]),
  });
});

test('what a killed run wrote without its record is written once, by the next', () => {
  firstRun();
  appendFileSync(out, '{"half":');
  appendFileSync(journalPath(out), '{"answe');
  const next = new ResultFile(out, 's', readEarlierRun(out));
  next.writeResult('b', true, '{}');
  next.close();
  expect(readFileSync(out, 'utf8')).toBe('{  "ü": 1 }\n{}\n');
  expect(readEarlierRun(out)?.answered).toEqual(
    new Map([
      ['a', false],
      ['b', true],
    ]),
  );
});

test('a result file that no submission wrote is left alone', () => {
  writeFileSync(out, 'precious\n');
  expect(() => readEarlierRun(out)).toThrow('choose another --out');
});

test('results that are gone are noticed', () => {
  firstRun();
  truncateSync(out, 3);
  expect(() => new ResultFile(out, 's', readEarlierRun(out))).toThrow('shorter than its journal');
});
