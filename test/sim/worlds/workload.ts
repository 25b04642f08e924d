import type { PromptBlocks } from '../../../gateway/endpoint/prefix/prompt-blocks.ts';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { hashesOf } from './block-hashes.ts';
import type { TraceRow } from './trace.ts';

/** One request of a workload, as gateway and engine see it. */
export interface WorkloadRequest {
  readonly atMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Of the body: the gateway estimates the prompt's tokens from it. */
  readonly textBytes: number;
  /** Of the engine's blocks of 16 tokens. */
  readonly blockHashes: readonly number[];
  /** Of the gateway's blocks of 64 tokens. */
  readonly promptBlocks: PromptBlocks;
}

export interface WorkloadOptions {
  /** Requests a second, on the average of the trace. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Where in the trace it begins, and how its copies are shifted against each other. */
  readonly seed: number;
}

const prefixTokens = 512;
const engineTokens = 16;
const gatewayTokens = 64;
/** Prefixes of one copy of a trace are not those of another. */
const idsPerCopy = 1_000_000;
/** No trace has more rows, and no prompt of one that shares nothing more blocks. */
const [rowsPerCopy, blocksPerRow] = [20_000, 2048];
/** Bytes of text that are a token on the average, and how far single prompts differ from it. An assumption. */
const bytesPerToken = { mean: 4, spread: 0.1 };

/** A trace at another rate: copies of it, each begun elsewhere, laid over each other and stretched; the end is followed by the beginning. */
export function workloadOf(trace: readonly TraceRow[], options: WorkloadOptions): readonly WorkloadRequest[] {
  const spanMs = (trace.at(-1)?.atMs ?? 0) + 1;
  const speed = options.perSecond / ((trace.length * 1000) / spanMs);
  const copies = Math.max(1, Math.ceil(speed));
  const stretch = copies / speed;
  const random = seededRandom(4000 + options.seed);
  const requests: WorkloadRequest[] = [];
  for (let copy = 0; copy < copies; copy += 1) {
    const shiftMs = ((options.seed / 5 + copy / copies) % 1) * spanMs;
    for (const [index, row] of trace.entries()) {
      const atMs = ((row.atMs + shiftMs) % spanMs) * stretch;
      if (atMs < options.seconds * 1000) {
        const textBytes = textBytesOf(row.promptTokens, random);
        requests.push(requestOf(row, atMs, { copy, index, textBytes }));
      }
    }
  }
  return requests.sort((a, b) => a.atMs - b.atMs);
}

function requestOf(
  { promptTokens, outputTokens, prefixIds }: TraceRow,
  atMs: number,
  { copy, index, textBytes }: { readonly copy: number; readonly index: number; readonly textBytes: number },
): WorkloadRequest {
  /** Number of the block that begins at this token: the prefix it is in, and its place there. A prompt that shares nothing is like no other. */
  const numberOf = (token: number, size: number): number => {
    if (prefixIds.length === 0) return (copy * rowsPerCopy + index) * blocksPerRow + Math.floor(token / size);
    const id = (prefixIds[Math.floor(token / prefixTokens)] ?? 0) + copy * idsPerCopy;
    return id * (prefixTokens / size) + Math.floor((token % prefixTokens) / size);
  };
  const shared = prefixIds.length > 0 ? promptTokens : 0;
  const blockHashes = Array.from({ length: Math.floor(shared / engineTokens) }, (_, block) =>
    numberOf(block * engineTokens, engineTokens),
  );
  const promptBlocks = hashesOf(Math.floor(promptTokens / gatewayTokens), (block) =>
    numberOf(block * gatewayTokens, gatewayTokens),
  );
  return { atMs, promptTokens, outputTokens, textBytes, blockHashes, promptBlocks };
}

/** Bytes that a prompt of `promptTokens` tokens takes in its body. */
export function textBytesOf(promptTokens: number, random: () => number): number {
  const { mean, spread } = bytesPerToken;
  return Math.ceil(promptTokens * mean * (1 + spread * (2 * random() - 1)));
}
