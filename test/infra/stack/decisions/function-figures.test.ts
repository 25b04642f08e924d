import { expect, test } from 'vitest';
import { readFunctionFigures } from '../../../../infra/local/stack/decisions/function-figures.ts';

test('every delivery that was not acked counts as nacked, every decision but dispatch as held back', () => {
  const page = [
    'async_deliveries_total{status="204"} 7',
    'async_deliveries_total{status="429"} 2',
    'async_deliveries_total{status="503"} 1',
    'async_gate_decisions_total{verdict="dispatch",reason="free",pool="a"} 7',
    'async_gate_decisions_total{verdict="wait",reason="saturated",pool="a"} 3',
    'async_gate_decisions_total{verdict="defer",reason="saturated",pool="b"} 2',
    'async_gate_decisions_total{verdict="wait",reason="limit",pool="a"} 1',
  ].join('\n');
  expect(readFunctionFigures(page)).toEqual({ nacked: 3, deferred: { saturated: 5, limit: 1 } });
});

test('nothing yet', () => {
  expect(readFunctionFigures('')).toEqual({ nacked: 0, deferred: {} });
});
