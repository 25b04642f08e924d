import { expect, test } from 'vitest';
import { Submission } from '../../../infra/cli/submit/submission.ts';

const earlier = {
  job: 'j',
  published: [
    { messageId: '5', line: 1, hash: '' },
    { messageId: '6', line: 2, hash: '' },
  ],
  answered: new Map([[1, 'status 404']]),
  resultBytes: 1,
};

test('the first result of a line is kept, others are duplicates', () => {
  const submission = new Submission([1, 2]);
  submission.confirmPublished('5', 1);
  expect(submission.match('5')).toEqual({ first: 1 });
  submission.recordAnswered(1, null);
  expect(submission.match('5')).toBe('duplicate');
  submission.recordDuplicate();
  expect(submission.complete).toBe(false);
  expect(submission.progress).toEqual({ lines: 2, published: 1, answered: 1, failed: 0, duplicates: 1 });
});

test('looking for a match changes nothing', () => {
  const submission = new Submission([1]);
  submission.confirmPublished('5', 1);
  expect([submission.match('5'), submission.match('5')]).toEqual([{ first: 1 }, { first: 1 }]);
});

test('a message that is not known yet', () => {
  expect(new Submission([1]).match('5')).toBe('unknown');
});

test('failures are counted with their reasons', () => {
  const submission = new Submission([4]);
  submission.confirmPublished('5', 4);
  submission.recordAnswered(4, 'status 500');
  expect(submission.complete).toBe(true);
  expect(submission.progress).toMatchObject({ answered: 1, failed: 1 });
  expect(submission.failures.text()).toEqual(['1 × status 500 (line 4)']);
});

test('a second run publishes only what no run has published, and knows the failures of the first', () => {
  const submission = new Submission([1, 2, 3], earlier);
  expect([1, 2, 3].filter((line) => submission.isNew(line))).toEqual([3]);
  expect(submission.match('6')).toEqual({ first: 2 });
  expect(submission.progress).toMatchObject({ published: 2, answered: 1, failed: 1 });
  expect(submission.failures.text()).toEqual(['1 × status 404 (line 1)']);
});

test('asked to, it publishes again what has no result; the result of either publish counts', () => {
  const submission = new Submission([1, 2, 3], earlier, true);
  expect([1, 2, 3].filter((line) => submission.isNew(line))).toEqual([2, 3]);
  submission.recordAnswered(2, null);
  expect([submission.isNew(2), submission.progress.published]).toEqual([false, 2]);
  submission.confirmPublished('9', 2);
  expect(submission.match('9')).toBe('duplicate');
  expect(submission.progress).toMatchObject({ published: 2, answered: 2 });
});

test('a line that the file does not have is not new', () => {
  expect(new Submission([1]).isNew(2)).toBe(false);
});
