import { mostTokensPerChunk } from './token-gaps.ts';

/**
 * A whole answer with fewer tokens tells more of its prompt than of its tokens. Derived: below it the prompt is more than a tenth of the
 * time, whatever the model.
 */
const fewestWholeTokens = 8;
/** No engine is faster: an answer that says so has lost its count. Derived: a hundredth of what the fastest engines reach. */
const leastTpotMs = 0.1;

/** What was seen of an answer. Times are those of one clock. */
export interface SeenAnswer {
  readonly stream: boolean;
  readonly openedAtMs: number;
  /** First token and each further one, as they were predicted. */
  readonly expected: { readonly ttftMs: number; readonly tpotMs: number };
  readonly firstByteAtMs: number;
  readonly lastChunkAtMs: number;
  readonly chunks: number;
  /** As it reports them; undefined where it does not. */
  readonly completionTokens: number | undefined;
}

/**
 * Mean time of each token after the first, in milliseconds. Of a stream: from the first byte to the last chunk, by the tokens that the
 * answer reported, else by its chunks. Of a whole answer, which shows no first token, the time that it took is shared out as predicted:
 *
 *     time of its tokens = time · n · TPOT / (TTFT + n · TPOT)
 *
 * All of it, where nothing is predicted. Undefined where that tells nothing, and a number of tokens that no engine makes in that time counts as none.
 */
export function tpotOf(answer: SeenAnswer): number | undefined {
  const { stream, openedAtMs, firstByteAtMs, lastChunkAtMs, chunks, expected, completionTokens: tokens = 0 } = answer;
  if (stream) {
    const isCounted = tokens > 0 && tokens <= chunks * mostTokensPerChunk;
    const further = (isCounted ? tokens : chunks) - 1;
    return further < 1 ? undefined : (lastChunkAtMs - firstByteAtMs) / further;
  }
  const expectedMs = tokens * expected.tpotMs;
  const share = expectedMs > 0 ? expectedMs / (expected.ttftMs + expectedMs) : 1;
  const decodingMs = (firstByteAtMs - openedAtMs) * share;
  if (tokens < fewestWholeTokens || !(decodingMs > 0) || decodingMs < tokens * leastTpotMs) return undefined;
  return decodingMs / tokens;
}
