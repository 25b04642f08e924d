import { expect, test } from 'vitest';
import { readJournal } from '../../../infra/cli/submit/journal-records.ts';

const lines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const begun = { submission: 's' };
const answered = { answered: 'a', failed: true, bytes: 12 };

const journals: [string, string, object | undefined][] = [
  ['nothing', '', undefined],
  ['a first line that was being written', '{"submis', undefined],
  ['begun', lines(begun), { submission: 's', resultBytes: 0 }],
  ['published', lines(begun, { published: 'a' }), { published: new Set(['a']), answered: new Map() }],
  ['answered', lines(begun, answered), { answered: new Map([['a', true]]), resultBytes: 12 }],
  [
    'a last line that was being written',
    `${lines(begun, answered)}{"answered":"b","fai`,
    { answered: new Map([['a', true]]), resultBytes: 12, journalBytes: lines(begun, answered).length },
  ],
];

test.each(journals)('%s', (_name, text, expected) => {
  if (expected) expect(readJournal(text)).toMatchObject(expected);
  else expect(readJournal(text)).toBeUndefined();
});

test('a file that is no journal is refused', () => {
  expect(() => readJournal('hello\n')).toThrow('no JSON');
  expect(() => readJournal('{"published":"a"}\n')).toThrow('whose it is');
});
