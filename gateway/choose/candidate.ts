import type { Usage } from '../../shared/openai/usage.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { EntryListener, LedgerEntry } from '../endpoint/in-flight.ts';
import type { LoadFeatures, Prediction } from '../endpoint/latency/load-features.ts';
import type { PrefixMatch } from '../endpoint/prefix/prefix-index.ts';
import { blockTokens } from '../endpoint/prefix/prompt-blocks.ts';
import type { RoutingRequest } from './chooser.ts';
import type { Candidate } from './policies/policies.ts';

/** Fewer generated tokens say little of the time that one takes. */
const fewestStreamed = 5;
const fewestWhole = 32;

/** An endpoint as a candidate for one request; where it wins, what becomes of the request teaches the endpoint's model. */
export class Bid implements Candidate, EntryListener {
  readonly endpoint: Endpoint;
  readonly inFlight: number;
  readonly load: number;
  readonly waiting: number;
  readonly kvCacheUtilization: number;
  readonly prefixShare: number;
  readonly situation: LoadFeatures;
  readonly prediction: Prediction;
  readonly #match: PrefixMatch;

  constructor(endpoint: Endpoint, { promptTokens, promptBlocks }: RoutingRequest) {
    const blocks = promptBlocks.length / 2;
    const match = endpoint.prefixes.match(promptBlocks);
    // At least one token is computed, whatever is cached.
    const cachedTokens = Math.max(0, Math.min(promptTokens - 1, match.blocks * blockTokens));
    this.endpoint = endpoint;
    this.inFlight = endpoint.inFlight;
    this.load = endpoint.load;
    this.waiting = endpoint.waiting;
    this.kvCacheUtilization = endpoint.kvCacheUtilization;
    this.prefixShare = blocks === 0 ? 0 : match.blocks / blocks;
    this.situation = endpoint.situationOf(promptTokens - cachedTokens, cachedTokens);
    this.prediction = endpoint.predict(this.situation);
    this.#match = match;
  }

  get decodes(): number {
    return this.situation.decodes;
  }

  firstToken(_entry: LedgerEntry, ttftMs: number): void {
    this.endpoint.latency.learnTtft(this.situation, ttftMs);
  }

  reported(entry: LedgerEntry, { completionTokens, cachedTokens }: Usage): void {
    const { latency, prefixes } = this.endpoint;
    if (cachedTokens !== undefined) prefixes.correct(this.#match, cachedTokens / blockTokens);
    const tpotMs = tpotOf(entry, completionTokens);
    if (tpotMs === undefined) return;
    const { uncachedTokens, cachedTokens: expected } = this.situation;
    const atTheEnd = this.endpoint.situationOf(uncachedTokens, expected);
    latency.learnTpot(meanOf(this.situation, atTheEnd), tpotMs);
  }
}

/** Undefined where the answer is too short to tell. One that came whole is taken to have generated since its first token was expected. */
function tpotOf({ request, answeringMs, firstByteAtMs = 0 }: LedgerEntry, tokens = 0): number | undefined {
  if (request.stream) return tokens < fewestStreamed ? undefined : answeringMs / (tokens - 1);
  const decodingMs = firstByteAtMs - request.firstTokenExpectedAtMs;
  return tokens < fewestWhole || decodingMs <= 0 ? undefined : decodingMs / tokens;
}

function meanOf(before: LoadFeatures, after: LoadFeatures): LoadFeatures {
  return {
    ...before,
    aheadTokens: (before.aheadTokens + after.aheadTokens) / 2,
    aheadPairs: (before.aheadPairs + after.aheadPairs) / 2,
    decodes: (before.decodes + after.decodes) / 2,
    contextTokens: (before.contextTokens + after.contextTokens) / 2,
  };
}
