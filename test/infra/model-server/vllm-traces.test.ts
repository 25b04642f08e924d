import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Engine } from '../../../infra/local/model-server/engine/engine.ts';
import { presets } from '../../../infra/local/model-server/engine/presets.ts';
import { type Arrival, replay } from './replay.ts';

interface Measured extends Arrival {
  readonly ttftMs: number;
  readonly e2eMs: number;
}

const folder = process.env.TRACES_DIR ?? resolve(import.meta.dirname, '../../../../shared/traces');
const absent = !existsSync(join(folder, 'README.md'));
if (absent) process.stdout.write(`skipped: no traces in ${folder}; the table of step times stands in for the replay\n`);

test.skipIf(absent).each([
  { log: 'vllm019_rtxpro6000_llama8b', profile: 'rtxpro6000-llama3.1-8b', maxNumSeqs: 128, preempts: false },
  { log: 'vllm019_rtx4090_llama8b', profile: 'rtx4090-llama3.1-8b', maxNumSeqs: 256, preempts: true },
])('$log: means within 3 % of what vLLM measured', ({ log, profile, maxNumSeqs, preempts }) => {
  const rows = readLog(log);
  const engine = new Engine<Measured>({
    ...presets[profile]!,
    maxNumSeqs,
    maxNumBatchedTokens: 2048,
    schedulingPolicy: 'fcfs',
  });
  const { served, preemptions } = replay(engine, rows);
  expect(served.size).toBe(rows.length);

  const mean = (value: (row: Measured) => number) => rows.reduce((sum, row) => sum + value(row), 0) / rows.length;
  const gaps = (row: Measured) => Math.max(1, row.outputTokens - 1);
  const errors = {
    ttft: mean((row) => served.get(row)!.firstTokenAtMs - row.atMs) / mean((row) => row.ttftMs) - 1,
    tpot:
      mean((row) => (served.get(row)!.endedAtMs - served.get(row)!.firstTokenAtMs) / gaps(row)) /
        mean((row) => (row.e2eMs - row.ttftMs) / gaps(row)) -
      1,
    e2e: mean((row) => served.get(row)!.endedAtMs - row.atMs) / mean((row) => row.e2eMs) - 1,
  };
  for (const [name, error] of Object.entries(errors)) {
    expect(Math.abs(error), `${name} is off by ${(100 * error).toFixed(2)} %`).toBeLessThan(0.03);
  }
  expect(preemptions > 100).toBe(preempts);
});

function readLog(name: string): Measured[] {
  const lines = gunzipSync(readFileSync(join(folder, `${name}.jsonl.gz`)))
    .toString()
    .trim()
    .split('\n');
  return lines.map((line) => {
    const row = JSON.parse(line) as {
      t: number;
      in: number;
      out: number;
      hash_ids: number[];
      ttft_ms: number;
      e2e_ms: number;
    };
    return {
      atMs: row.t,
      promptTokens: row.in,
      outputTokens: row.out,
      blockHashes: row.hash_ids,
      priority: 0,
      ttftMs: row.ttft_ms,
      e2eMs: row.e2e_ms,
    };
  });
}
