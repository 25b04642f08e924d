import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { generatedTrace } from './generated-traces.ts';
import type { TraceName, TraceRow } from './trace.ts';

const folder = process.env.TRACES_DIR ?? resolve(import.meta.dirname, '../../../../shared/traces');

/** Whether recorded traces are read, rather than generated ones of the same statistics. */
export const recorded = existsSync(join(folder, 'azure2023_conv.csv.gz'));

/** Azure's conversation and code completion of 2023, and Mooncake's conversation with its prefixes. In order of arrival. */
export function readTrace(name: TraceName): readonly TraceRow[] {
  if (!recorded) return generatedTrace(name);
  if (name === 'prefixes') return linesOf('mooncake_conversation.jsonl.gz').map(mooncakeRow);
  return linesOf(name === 'code' ? 'azure2023_code.csv.gz' : 'azure2023_conv.csv.gz')
    .slice(1)
    .map(azureRow);
}

function linesOf(file: string): string[] {
  return gunzipSync(readFileSync(join(folder, file)))
    .toString()
    .trim()
    .split('\n');
}

function azureRow(line: string): TraceRow {
  const [atMs = 0, promptTokens = 0, outputTokens = 0] = line.split(',').map(Number);
  return { atMs, promptTokens: Math.max(1, promptTokens), outputTokens: Math.max(1, outputTokens), prefixIds: [] };
}

function mooncakeRow(line: string): TraceRow {
  const row = JSON.parse(line) as {
    timestamp: number;
    input_length: number;
    output_length: number;
    hash_ids: readonly number[];
  };
  const [promptTokens, outputTokens] = [Math.max(1, row.input_length), Math.max(1, row.output_length)];
  return { atMs: row.timestamp, promptTokens, outputTokens, prefixIds: row.hash_ids };
}
