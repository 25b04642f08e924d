import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from '../../../infra/cli/submit/journal.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backfill-journal-'));
  path = join(folder, 'out.jsonl.journal');
});
afterEach(() => rmSync(folder, { recursive: true }));

const published = { messageId: '5', line: 1, hash: 'a' };

function reopened<T>(read: (journal: Journal) => T): T {
  const journal = new Journal(path);
  try {
    return read(journal);
  } finally {
    journal.close();
  }
}

test('what was recorded is read again', () => {
  reopened((journal) => {
    journal.begin('job', 'requests.jsonl');
    journal.recordPublished(published);
    journal.recordPublished({ messageId: '6', line: 2, hash: 'b' });
    journal.recordAnswered(2, 'status 404', 30);
    journal.recordAnswered(1, null, 60);
  });
  reopened((journal) => {
    expect(journal.file).toBe('requests.jsonl');
    expect(journal.state).toEqual({
      job: 'job',
      published: [published, { messageId: '6', line: 2, hash: 'b' }],
      answered: new Map([
        [1, null],
        [2, 'status 404'],
      ]),
      resultBytes: 60,
    });
  });
});

test('a submission of which nothing was published is none, and another may begin', () => {
  reopened((journal) => journal.begin('first', 'a.jsonl'));
  reopened((journal) => {
    expect([journal.file, journal.state]).toEqual([undefined, undefined]);
    journal.begin('second', 'b.jsonl');
    journal.recordPublished(published);
    expect([journal.file, journal.state?.job]).toEqual(['b.jsonl', 'second']);
  });
});

test('a second one is refused while the first is open', () => {
  const first = new Journal(path);
  expect(() => new Journal(path)).toThrow('another run has');
  first.close();
  new Journal(path).close();
});

test('a process that was killed leaves its records and no lock', () => {
  const module = resolve(import.meta.dirname, '../../../infra/cli/submit/journal.ts');
  const script = `
    const { Journal } = await import(${JSON.stringify(module)});
    const journal = new Journal(${JSON.stringify(path)});
    journal.begin('job', 'a.jsonl');
    journal.recordPublished({ messageId: '5', line: 1, hash: 'a' });
    process.kill(process.pid, 'SIGKILL');`;
  expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script])).toThrow();
  expect(reopened((journal) => journal.state?.published)).toEqual([published]);
});

test('another file in its place is left alone', () => {
  writeFileSync(path, 'precious');
  expect(() => new Journal(path)).toThrow('is no journal of a submission');
});
