import { expect, test } from 'vitest';
import { mostClientConnections, openFilesLimit, parseOpenFilesLimit } from '../../../shared/runtime/open-files.ts';

test.each([
  [
    'Max processes             1000                 2000                 processes\nMax open files            1024                 524288               files\n',
    1024,
  ],
  ['Max open files            unlimited            unlimited            files\n', undefined],
  ['', undefined],
])('%j', (text, expected) => {
  expect(parseOpenFilesLimit(text)).toBe(expected);
});

test.runIf(process.platform === 'linux')('this process has one', () => {
  expect(openFilesLimit()).toBeGreaterThan(0);
});

test.each([
  ['half of what is left', 1024, 480],
  ['less than the process needs itself', 32, 1],
  ['no limit', undefined, undefined],
])('connections of clients: %s', (_, limit, most) => {
  expect(mostClientConnections(limit)).toBe(most);
});
