import { expect, test } from 'vitest';
import { readRequestHead } from '../../../gateway/admit/request-head.ts';

test.each<[string, Record<string, string>, number | undefined]>([
  ['the newer spelling wins', { 'x-llm-d-slo-ttft-ms': '5', 'x-slo-ttft-ms': '7' }, 5],
  ['the older one is read as well', { 'x-slo-ttft-ms': '7' }, 7],
  ['a newer one that is 0 is ignored', { 'x-llm-d-slo-ttft-ms': '0', 'x-slo-ttft-ms': '7' }, 7],
  ['a newer one that is no number is ignored', { 'x-llm-d-slo-ttft-ms': 'abc', 'x-slo-ttft-ms': '7' }, 7],
  ['a negative one', { 'x-slo-ttft-ms': '-1' }, undefined],
  ['an infinite one', { 'x-slo-ttft-ms': '1e999' }, undefined],
  ['an empty one', { 'x-slo-ttft-ms': '' }, undefined],
  ['none', {}, undefined],
])('%s', (_, headers, expected) => {
  expect(readRequestHead(headers).ttftSloMs).toBe(expected);
});
