import { expect, test } from 'vitest';
import { Submission } from '../../../infra/cli/submit/submission.ts';

const tag = (key: string, submission = 's') => ({ submission, key });
const earlier = {
  submission: 's',
  published: new Set(['a', 'b']),
  answered: new Map([['a', true]]),
  resultBytes: 1,
  journalBytes: 1,
};

test('the first result of a request is kept, others are counted', () => {
  const submission = new Submission('s', ['a', 'b']);
  submission.confirmPublished('a');
  expect(submission.takeResult(tag('a'), false)).toBe('first');
  expect(submission.takeResult(tag('a'), true)).toBe('duplicate');
  expect(submission.complete).toBe(false);
  expect(submission.progress).toMatchObject({ requests: 2, published: 1, answered: 1, failed: 0, duplicates: 1 });
});

test('a result before the confirmation of its publish counts once', () => {
  const submission = new Submission('s', ['a']);
  expect(submission.takeResult(tag('a'), true)).toBe('first');
  submission.confirmPublished('a');
  expect(submission.complete).toBe(true);
  expect(submission.progress).toMatchObject({ published: 1, answered: 1, failed: 1 });
});

test.each([
  ['without a tag', undefined],
  ['of another submission', tag('a', 'other')],
  ['of a line that is gone', tag('z')],
])('a result %s belongs to others', (_name, found) => {
  const submission = new Submission('s', ['a']);
  expect(submission.takeResult(found, false)).toBe('other');
  expect(submission.progress).toMatchObject({ answered: 0, others: 1 });
});

test('a second run publishes only what no run has published', () => {
  const submission = new Submission('s', ['a', 'b', 'c'], earlier);
  expect(['a', 'b', 'c'].filter((key) => submission.isNew(key))).toEqual(['c']);
  expect(submission.progress).toMatchObject({ published: 2, answered: 1, failed: 1 });
});

test('asked to, it publishes again what nobody answered', () => {
  const submission = new Submission('s', ['a', 'b', 'c'], earlier, true);
  expect(['a', 'b', 'c'].filter((key) => submission.isNew(key))).toEqual(['b', 'c']);
});
