import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedPages, withReferences } from '../../../infra/docs/references.ts';
import { retryTimetable } from '../../../infra/docs/retry-timetable.ts';

test.each(generatedPages)('the generated tables of %s are those of the code; `npm run docs` writes them', (page) => {
  const text = readFileSync(resolve(import.meta.dirname, '../../..', page), 'utf8');
  expect(text).toBe(withReferences(page, text));
});

test('a page without a place for its table is told', () => {
  expect(() => withReferences('docs/metrics.md', 'no mark')).toThrow('<!-- function metrics -->');
});

test('the retry timetable sums what the formula gives', () => {
  const rows = retryTimetable().split('\n').slice(2);
  expect(rows[0]).toBe('| 1 | 2 to 4 s | 2 to 4 s |');
  expect(rows[1]).toBe('| 2 | 4 to 8 s | 6 to 12 s |');
  expect(rows.at(-1)).toContain('each further one');
  expect(rows.at(-1)).toContain('| 30 to 60 s |');
});
