import { expect, test } from 'vitest';
import { readPools } from '../../../infra/cli/why/function-state.ts';
import { controlText, poolText } from '../../../infra/cli/why/why-text.ts';

const page = (saturated: number): string => `
async_inflight_requests{pool="big"} 3
async_inflight_limit{pool="big"} 4.5
async_capacity_saturation{pool="big"} 0.954
async_breaker_open{scope="/v1/embeddings",pool="big"} 1
async_breaker_open{scope="/v1/completions",pool="big"} 0
async_breaker_open{scope="/v1/embeddings",pool="other"} 1
async_gate_decisions_total{verdict="wait",reason="saturated",pool="big"} ${saturated}
async_gate_decisions_total{verdict="defer",reason="saturated",pool="big"} 2
async_gate_decisions_total{verdict="dispatch",reason="free",pool="big"} 100
async_gate_decisions_total{verdict="defer",reason="full",pool="big"} 7
`;

test('a pool is told with what held its messages back a moment ago', () => {
  const [before] = readPools(page(5));
  const [now] = readPools(page(25));
  expect(poolText(before, now!)).toBe(
    [
      'Pool big: 3 calls under way of 4 that may be, saturation 0.95.',
      '  /v1/embeddings fails for every message: the log of the function says how.',
      '  20 × saturated: the pool is full: real-time work uses it, and async goes on when it leaves room.',
    ].join('\n'),
  );
});

test('a pool that holds nothing back says so', () => {
  const [now] = readPools('async_inflight_requests{pool="p"} 0\nasync_inflight_limit{pool="p"} 0.5\n');
  expect(poolText(now, now!)).toBe(
    'Pool p: 0 calls under way of one now and then that may be, load not known.\n  Nothing was held back just now.',
  );
});

test('no rules are told too', () => {
  expect(controlText([])).toContain('No rule');
});
