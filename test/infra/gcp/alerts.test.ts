import { expect, test } from 'vitest';
import { alertPolicies, contains } from '../../../infra/gcp/alerts.ts';
import { readInstallation } from '../../../infra/gcp/settings.ts';

const installation = (NAME: string) => readInstallation({ PROJECT: 'test-project', REGION: 'europe-west4', NAME });

test('each alert is of its installation alone, by its label and in its filter', () => {
  const own = alertPolicies(installation('first'), 43_200);
  const ids = own.map(({ userLabels }) => userLabels?.['backfill-alert']);
  expect(new Set(ids).size).toBe(own.length);
  for (const { userLabels, ...alert } of own) {
    expect(userLabels?.backfill).toBe('first');
    expect(JSON.stringify(alert)).toMatch(/"first-(function|requests|dead-letters)\\"/);
  }
  const other = alertPolicies(installation('second'), 43_200);
  for (const alert of other) expect(own.some(({ userLabels }) => contains(userLabels, alert.userLabels))).toBe(false);
});

test('the oldest message is measured against the deadline', () => {
  const [alert] = alertPolicies(installation('first'), 900).filter(
    ({ userLabels }) => userLabels?.['backfill-alert'] === 'oldest-message',
  );
  expect(JSON.stringify(alert)).toContain('"thresholdValue":900');
});

test('alerts on log lines close only when the line, which comes each minute, has stopped', () => {
  const onLogs = alertPolicies(installation('first'), 900).filter((alert) =>
    JSON.stringify(alert).includes('conditionMatchedLog'),
  );
  expect(onLogs).toHaveLength(2);
  for (const { alertStrategy } of onLogs) expect(alertStrategy).toMatchObject({ autoClose: '1800s' });
});

test.each<[string, unknown, unknown, boolean]>([
  ['more fields', { a: 1, b: 2 }, { a: 1 }, true],
  ['another value', { a: 2 }, { a: 1 }, false],
  ['a field that is missing', {}, { a: 1 }, false],
  ['a zero that Google leaves out', {}, { a: 0, b: '', c: '0s' }, true],
  ['a zero that is not zero', { a: 1 }, { a: 0 }, false],
  ['deeper', { a: [{ name: 'x', b: 1 }] }, { a: [{ b: 1 }] }, true],
  ['a longer list', { a: [1, 2] }, { a: [1] }, false],
  ['nothing there', undefined, { a: { b: 1 } }, false],
])('%s', (_edge, actual, wanted, expected) => {
  expect(contains(actual, wanted)).toBe(expected);
});
