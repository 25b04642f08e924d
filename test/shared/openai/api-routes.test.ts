import { expect, test } from 'vitest';
import { everyApiRoute, isApiUrl } from '../../../shared/openai/api-routes.ts';

test('each path stands in the table once', () => {
  expect(new Set(everyApiRoute.map(({ path }) => path)).size).toBe(everyApiRoute.length);
});

test('only what generates has a limit to its answer and may be streamed', () => {
  for (const route of everyApiRoute.filter(({ generates }) => !generates)) {
    expect(route).toMatchObject({ outputLimitKeys: [], mayStream: false });
  }
});

test('what an async message implies by its payload is what it may use by default', () => {
  const implied = everyApiRoute.filter(({ impliedByKey }) => impliedByKey !== undefined);
  expect(implied.filter(({ asyncByDefault }) => !asyncByDefault)).toEqual([]);
});

test.each([
  ['/v1/chat/completions', true],
  ['/v1/completions?x=1', true],
  ['/v1/nothing', true],
  ['/v1', false],
  ['/tokenize', true],
  ['/pooling?x=1', true],
  ['/metrics', false],
  ['/metrics?of=/v1/completions', false],
  ['/', false],
  ['', false],
])('is %j a URL of the API: %s', (url, expected) => {
  expect(isApiUrl(url)).toBe(expected);
});
