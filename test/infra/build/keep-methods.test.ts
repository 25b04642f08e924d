import { readFileSync } from 'node:fs';
import { fromJSON } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { type Descriptor, keepMethods } from '../../../infra/build/keep-methods.ts';

const message = (fields: Record<string, string> = {}, nested?: Record<string, Descriptor>): Descriptor => ({
  fields: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type }])),
  ...(nested ? { nested } : {}),
});
const root: Descriptor = {
  nested: {
    a: {
      nested: {
        Service: {
          methods: {
            Call: { requestType: 'Request', responseType: 'a.Answer' },
            Other: { requestType: 'OtherRequest', responseType: 'Answer' },
          },
        },
        Unused: { methods: {} },
        Request: message({ name: 'string', inner: 'Inner', time: '.b.Time' }, { Inner: message({ kind: 'Kind' }) }),
        Kind: { values: { ONE: 1 } },
        Answer: message({ again: 'Answer', part: 'Outer.Part' }),
        Outer: message({ around: 'Around' }, { Part: message() }),
        Around: message(),
        OtherRequest: message(),
        option: { extend: 'google.protobuf.FieldOptions' },
      },
    },
    b: { nested: { Time: message({ seconds: 'int64' }), Unused: message() } },
    c: { nested: { Unused: message() } },
  },
};
const namesIn = (node: Descriptor, name = ''): string[] =>
  Object.entries(node.nested ?? {}).flatMap(([key, child]) => [`${name}${key}`, ...namesIn(child, `${name}${key}.`)]);

describe('a descriptor keeps', () => {
  test.each<[string, Record<string, string[]>, string[]]>([
    [
      'what a method reaches: nested, by full name, across packages, itself, and the message around a nested one',
      { 'a.Service': ['Call'] },
      [
        'a',
        'a.Service',
        'a.Request',
        'a.Request.Inner',
        'a.Kind',
        'a.Answer',
        'a.Outer',
        'a.Outer.Part',
        'a.Around',
        'b',
        'b.Time',
      ],
    ],
    ['a service without its methods', { 'a.Service': [] }, ['a', 'a.Service']],
    ['nothing', {}, []],
  ])('%s', (_, kept, names) => {
    const trimmed = keepMethods(root, kept);
    expect(namesIn(trimmed).sort()).toEqual(names.sort());
    expect(Object.keys(trimmed.nested?.a?.nested?.Service?.methods ?? {})).toEqual(kept['a.Service'] ?? []);
  });
  test('a method that is not there stops the build', () => {
    expect(() => keepMethods(root, { 'a.Service': ['Cal'] })).toThrow('the descriptor has no a.Service.Cal');
  });
});

test('what remains of Monitoring is written and read as before', () => {
  const file = new URL('../../../node_modules/@google-cloud/monitoring/build/protos/protos.json', import.meta.url);
  const whole = JSON.parse(readFileSync(file, 'utf8'));
  const trimmed = keepMethods(whole, { 'google.monitoring.v3.MetricService': ['ListTimeSeries'] });
  expect(JSON.stringify(trimmed).length).toBeLessThan(JSON.stringify(whole).length / 8);
  const [before, after] = [whole, trimmed].map((json) => {
    const service = fromJSON(json)['google.monitoring.v3.MetricService'] as unknown as Record<string, Method>;
    return service.ListTimeSeries!;
  });
  const point = { interval: { endTime: { seconds: 5 } }, value: { doubleValue: 0.5 } };
  const answer = {
    timeSeries: [{ metric: { type: 'm', labels: { a: 'b' } }, resource: { type: 'r' }, points: [point], valueType: 3 }],
  };
  const bytes = before!.responseSerialize(answer);
  expect(after!.responseSerialize(answer)).toEqual(bytes);
  expect(after!.responseDeserialize(bytes)).toEqual(before!.responseDeserialize(bytes));
  const request = { name: 'projects/p', filter: 'f', aggregation: { alignmentPeriod: { seconds: 60 } } };
  expect(after!.requestSerialize(request)).toEqual(before!.requestSerialize(request));
});

interface Method {
  requestSerialize(value: object): Buffer;
  responseSerialize(value: object): Buffer;
  responseDeserialize(bytes: Buffer): object;
}
