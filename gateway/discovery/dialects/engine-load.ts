import { parsePrometheusText } from '../../../shared/runtime/prometheus-text.ts';
import type { EngineLoad } from '../../endpoint/engine-load.ts';
import { everyDialect } from './dialects.ts';

/** A model server exposes a thousand lines, of which a few matter; only lines that begin with a known name are parsed. */
const knownLines = new RegExp(`^[ \\t]*(?:${Object.keys(everyDialect).join('|')})[ \\t{][^\\n]*`, 'gm');
/**
 * Most requests that one model server is believed to run, and to queue: a page that says more has lost its count. Derived: a hundred times
 * vLLM's largest `--max-num-seqs`.
 */
const mostRequests = 100_000;
/** So with the tokens of its KV cache. Derived: a million times those of one accelerator. */
const mostCacheTokens = 1e12;
/** Most LoRA adapters that are remembered of an endpoint, and the longest of their names. Derived: vLLM holds some dozens at once. */
const mostAdapters = 1000;
/** Derived: as long as a model's name may be. */
const longestName = 256;
/**
 * Most lines of a page that are parsed: no model server repeats the known names more often. Derived: twenty series for each of the known
 * names, and some.
 */
const mostLines = 1000;
/** Longer lines are passed over, and what goes beyond a page's limit: vLLM's page has 64 KB, and its longest line 2 KB. Derived: eight times that. */
const longestLine = 16 * 1024;
/** Bytes of a page that are looked at. Derived: sixteen times vLLM's. */
const longestPage = 1024 * 1024;

/**
 * Reads a model server's `/metrics` page, whichever kind of model server it is.
 *
 * A page may hold one series for each data-parallel engine: their counts and cache sizes add up, and the fullest KV cache counts. A sample
 * with a negative, infinite or NaN value is left out. Requests that wait for something else than a place do not count. Undefined when the
 * page does not say how many requests wait.
 */
export function readEngineLoad(metricsText: string): EngineLoad | undefined {
  let running = 0;
  let waiting: number | undefined;
  let deferred = 0;
  let generatedTokens: number | undefined;
  let kvCacheUtilization = 0;
  let kvCacheTokens = 0;
  let adapters: readonly string[] | undefined;
  let adapterSlots = 0;
  let adaptersValue = 0;
  for (const sample of parsePrometheusText(knownLinesOf(metricsText).join('\n'))) {
    const { name, value } = sample;
    if (!Number.isFinite(value) || value < 0) continue;
    const part = everyDialect[name]?.(sample) ?? {};
    running += part.running ?? 0;
    if (part.waiting !== undefined) waiting = (waiting ?? 0) + part.waiting;
    deferred += part.deferred ?? 0;
    if (part.generatedTokens !== undefined) generatedTokens = (generatedTokens ?? 0) + part.generatedTokens;
    kvCacheUtilization = Math.max(kvCacheUtilization, Math.min(1, part.kvCacheUtilization ?? 0));
    kvCacheTokens += positiveOrZero(part.kvCacheTokens);
    if (part.adapters && value >= adaptersValue) {
      adapters = part.adapters;
      adapterSlots = positiveOrZero(part.adapterSlots);
      adaptersValue = value;
    }
  }
  if (waiting === undefined) return undefined;
  return {
    running: Math.min(running, mostRequests),
    waiting: Math.min(Math.max(0, waiting - deferred), mostRequests),
    kvCacheUtilization,
    ...(kvCacheTokens > 0 ? { kvCacheTokens: Math.min(kvCacheTokens, mostCacheTokens) } : {}),
    ...(adapters ? { adapters: namesIn(adapters) } : {}),
    ...(adapterSlots > 0 ? { adapterSlots: Math.min(adapterSlots, mostAdapters) } : {}),
    ...(generatedTokens !== undefined && Number.isSafeInteger(generatedTokens) ? { generatedTokens } : {}),
  };
}

function knownLinesOf(metricsText: string): readonly string[] {
  const lines: string[] = [];
  for (const [line] of metricsText.slice(0, longestPage).matchAll(knownLines)) {
    if (line.length > longestLine) continue;
    lines.push(line);
    if (lines.length === mostLines) break;
  }
  return lines;
}

function positiveOrZero(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : 0;
}

function namesIn(names: readonly string[]): ReadonlySet<string> {
  const trimmed = names.slice(0, mostAdapters).map((name) => name.trim());
  return new Set(trimmed.filter((name) => name !== '' && name.length <= longestName));
}
