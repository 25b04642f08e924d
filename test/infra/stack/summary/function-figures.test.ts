import { expect, test } from 'vitest';
import { readFunctionFigures } from '../../../../infra/local/stack/summary/function-figures.ts';

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
  expect(readFunctionFigures(page)).toMatchObject({ nacked: 3, deferred: { saturated: 5, limit: 1 } });
});

test('the gate closes when it becomes saturated or asleep, on the source of that moment', () => {
  const page = [
    'async_gate_changes_total{gate="open",source="flow-control",pool="a"} 4',
    'async_gate_changes_total{gate="saturated",source="flow-control",pool="a"} 2',
    'async_gate_changes_total{gate="asleep",source="flow-control",pool="a"} 1',
    'async_gate_changes_total{gate="saturated",source="vllm",pool="a"} 1',
    'async_gate_changes_total{gate="unknown",source="none",pool="a"} 1',
    'async_capacity_source_available{source="flow-control",pool="a"} 0',
    'async_capacity_source_available{source="vllm",pool="a"} 1',
  ].join('\n');
  expect(readFunctionFigures(page)).toMatchObject({ sources: ['vllm'], closed: { 'flow-control': 3, vllm: 1 } });
});

test('nothing yet', () => {
  expect(readFunctionFigures('')).toEqual({ nacked: 0, deferred: {}, sources: [], closed: {} });
});
