import { expect, test } from 'vitest';
import {
  checkedText,
  durationText,
  goingOnText,
  progressText,
  summaryText,
} from '../../../infra/cli/submit/progress-text.ts';

const progress = { lines: 1000, published: 1000, answered: 340, failed: 2, duplicates: 0 };

const progresses: [what: string, text: string, expected: string][] = [
  [
    'at a pace',
    progressText(progress, { perSecond: 12.34, quietMs: 0 }),
    'answered 340 of 1000 (12.3/s), failed 2, about 53 s left',
  ],
  [
    'while sending',
    progressText({ ...progress, published: 500 }, { perSecond: 0, quietMs: 0 }),
    'sent 500, answered 340 of 1000, failed 2',
  ],
  [
    'slow',
    progressText(progress, { perSecond: 0.05, quietMs: 14_999 }),
    'answered 340 of 1000 (3.0/min), failed 2, about 3 h 40 min left',
  ],
  [
    'silent',
    progressText(progress, { perSecond: 0, quietMs: 15_000 }),
    'answered 340 of 1000, failed 2, no result for 15 s',
  ],
  [
    'the summary',
    summaryText({ ...progress, answered: 1000 }, 83_000, 'out.jsonl'),
    'every request has its result: 998 succeeded, 2 failed, in 83 s. They are in out.jsonl',
  ],
  [
    'the summary of a part',
    summaryText({ ...progress, duplicates: 3 }, 83_000, 'out.jsonl'),
    '340 of 1000 have their result: 338 succeeded, 2 failed, 3 came twice and were dropped, in 83 s. They are in out.jsonl',
  ],
  [
    'the summary when nothing was left',
    summaryText({ ...progress, answered: 1000 }, undefined, 'out.jsonl'),
    'every request has its result: 998 succeeded, 2 failed; nothing was left to do. They are in out.jsonl',
  ],
  ['going on', goingOnText('j', progress), 'Going on with job j: 340 of 1000 answered, 660 sent before and awaited'],
];

test.each(progresses)('%s', (_what, text, expected) => {
  expect(text).toBe(expected);
});

test('what was checked, the most common kinds first', () => {
  const kinds = new Map('abcdefg'.split('').map((kind, index) => [kind, index + 1]));
  const lines = new Map([[1, { hash: '', bringsId: true }]]);
  expect(checkedText({ lines, kinds })).toBe('1 request: 7 to g, 6 to f, 5 to e, 4 to d, 3 to c, and 2 more kinds');
});

const seconds: [number, string][] = [
  [0, '0.0 s'],
  [9.94, '9.9 s'],
  [9.95, '10 s'],
  [119, '119 s'],
  [120, '2 min'],
  [7140, '119 min'],
  [7200, '2 h 0 min'],
  [172_740, '47 h 59 min'],
  [172_800, '2 days'],
  [2_678_400, '31 days'],
];

test.each(seconds)('%d s are %s', (value, expected) => {
  expect(durationText(value * 1000)).toBe(expected);
});
