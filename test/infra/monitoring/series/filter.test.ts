import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matches, parseFilter, singleMetricType } from '../../../../infra/local/monitoring/series/filter.ts';
import { InvalidArgument, type SeriesIdentity } from '../../../../infra/local/monitoring/series/time-series.ts';

const series: SeriesIdentity = {
  metric: { type: 'prometheus.googleapis.com/queue/gauge', labels: { name: 'chat', pod: 'a-1' } },
  resource: { type: 'prometheus_target', labels: { cluster: 'east', project_id: 'p' } },
  metricKind: 'GAUGE',
  valueType: 'DOUBLE',
};

const matching: [string, string, boolean][] = [
  ['a type', 'metric.type = "prometheus.googleapis.com/queue/gauge"', true],
  ['another type', 'metric.type = "prometheus.googleapis.com/queue/counter"', false],
  ['no blanks', 'resource.type="prometheus_target"', true],
  ['single quotes and a bare word', "resource.labels.cluster = 'east' AND metric.labels.name = chat", true],
  ['the short spelling of labels', 'metric.label.name = "chat" resource.label.cluster = "east"', true],
  ['a quoted label name', 'metric.labels."name" = "chat"', true],
  ['an absent label is empty', 'metric.labels.zone = ""', true],
  ['not equal', 'metric.labels.name != "chat"', false],
  ['an absent label is unequal', 'metric.labels.zone != "x"', true],
  ['starts_with', 'metric.labels.pod = starts_with("a-")', true],
  ['starts_with, elsewhere', 'metric.labels.pod = starts_with("-1")', false],
  ['ends_with', 'metric.labels.pod = ends_with("-1")', true],
  ['has_substring', 'metric.labels.pod = has_substring("-")', true],
  ['a colon', 'metric.labels.pod : "z"', false],
  ['one_of', 'metric.labels.name = one_of("code", "chat")', true],
  ['none of', 'metric.labels.name != one_of("code", "chat")', false],
  ['a whole regular expression', 'metric.labels.pod = monitoring.regex.full_match("a-[0-9]")', true],
  ['a part is no full match', 'metric.labels.pod = monitoring.regex.full_match("a")', false],
  ['the project', 'project = "p"', true],
  ['OR binds closer than AND', 'metric.labels.name = "x" AND project = "p" OR project = "p"', false],
  ['parentheses', '(metric.labels.name = "x" AND project = "p") OR project = "p"', true],
  ['NOT binds closest', 'NOT project = "p" OR metric.labels.name = "chat"', true],
  ['a dash is NOT', '-(project = "p")', false],
  ['an escaped quote', 'metric.labels.name = "ch\\at"', true],
  ['AND inside a value', 'metric.labels.name = "AND"', false],
];

test.each(matching)('%s', (_name, filter, expected) => {
  expect(matches(parseFilter(filter), series)).toBe(expected);
});

const faulty: [string, string, string][] = [
  ['nothing', '', 'a field'],
  ['half a comparison', 'metric.type =', 'a value'],
  ['an unknown field', 'metrics.type = "x"', 'metric or resource'],
  ['an unknown function', 'metric.type = glob("x")', 'one of starts_with'],
  ['two values where one belongs', 'metric.type = starts_with("a", "b")', 'takes one value'],
  ['an open parenthesis', '(project = "p"', '")"'],
  ['a closed one too many', 'project = "p")', 'the end'],
  ['an open quote', 'project = "p', 'begins nothing'],
  ['an ordering', 'metric.labels.x > 3', 'begins nothing'],
  ['a broken regular expression', 'project = monitoring.regex.full_match("(")', 'no regular expression'],
  ['a thousand parentheses', `${'('.repeat(1000)}project = "p"`, 'more than 64'],
];

test.each(faulty)('%s is refused', (_name, filter, fault) => {
  expect(() => parseFilter(filter)).toThrow(InvalidArgument);
  expect(() => parseFilter(filter)).toThrow(fault);
});

test('any text is read or refused, never worse', () => {
  const piece = fc.constantFrom('metric.type', 'NOT', 'OR', 'AND', '(', ')', '=', '"a"', 'one_of', ',', '-', '!=');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join(' ')),
      ),
      (filter) => {
        try {
          matches(parseFilter(filter), series);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgument);
        }
      },
    ),
  );
});

describe('one metric type a query', () => {
  test('is found beside other conditions', () => {
    expect(singleMetricType(parseFilter('metric.labels.a = "b" AND (metric.type = "t")'))).toBe('t');
  });

  const several = [
    'resource.type = "x"',
    'metric.type = "a" OR metric.type = "b"',
    'metric.type = starts_with("a")',
    'metric.type = one_of("a")',
    'metric.type != "a"',
  ];
  test.each(several)('%s is refused', (filter) => {
    expect(() => singleMetricType(parseFilter(filter))).toThrow('exactly one metric type');
  });
});
