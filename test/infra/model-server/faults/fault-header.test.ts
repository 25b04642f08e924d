import { expect, test } from 'vitest';
import { readFaultHeader } from '../../../../infra/local/model-server/faults/fault-header.ts';

test.each([
  [undefined, undefined],
  ['status=500', { kind: 'status', status: 500 }],
  ['envoy=overflow', { kind: 'envoy', answer: 'overflow' }],
  ['hang', { kind: 'hang' }],
  ['hang-after=3', { kind: 'hang-after', tokens: 3 }],
  ['hang-after=0', { kind: 'hang-after', tokens: 0 }],
  [' cut-after = 12 ', { kind: 'cut-after', tokens: 12 }],
])('%j', (header, fault) => {
  expect(readFaultHeader(header)).toEqual(fault);
});

test.each([
  '',
  'nothing',
  'status',
  'status=200',
  'status=600',
  'hang=3',
  'cut-after',
  'cut-after=-1',
  'hang-after=x',
  'envoy',
  'envoy=nonsense',
  'cut-after=1=2',
])('refused with 400: %j', (header) => {
  expect(() => readFaultHeader(header)).toThrow(expect.objectContaining({ status: 400 }));
});
