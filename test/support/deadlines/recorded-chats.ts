import { setTimeout as delay } from 'node:timers/promises';
import { objectiveHeaders } from '../../../shared/inference-gateway/header-names.ts';
import { requestsOf } from '../../sim/worlds/world.ts';

/** How chats fared that were sent as they were recorded. */
export interface ChatFigures {
  readonly chats: number;
  /** Slower than 1,000 ms to the first token, or 50 ms for each other, or failed. */
  readonly missed: number;
  /** To the first token, of each chat that was answered. */
  readonly ttftsMs: readonly number[];
}

const promised = { ttftMs: 1000, tpotMs: 50 };
/** So that a short run sees its chats end. */
const shortened = { promptTokens: 4000, outputTokens: 300 };

/** Recorded conversations at this rate, sent to the gateway as they came, until it is stopped. */
export class RecordedChats {
  readonly #gatewayUrl: string;
  readonly #longest: typeof shortened;
  readonly #ended = new AbortController();
  readonly #open = new Set<Promise<void>>();
  #chats = 0;
  #missed = 0;
  #ttftsMs: number[] = [];

  /** @param longest what is longer is cut */
  constructor(gatewayUrl: string, perSecond: number, seconds: number, longest = shortened) {
    this.#gatewayUrl = gatewayUrl;
    this.#longest = longest;
    void this.#send(requestsOf({ kind: 'traces', perSecond: { conversation: perSecond } }, seconds, 1));
  }

  /** Of the chats that ended since it was asked last. */
  figures(): ChatFigures {
    const figures = { chats: this.#chats, missed: this.#missed, ttftsMs: this.#ttftsMs };
    [this.#chats, this.#missed, this.#ttftsMs] = [0, 0, []];
    return figures;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#open);
  }

  async #send(requests: ReturnType<typeof requestsOf>): Promise<void> {
    const { signal } = this.#ended;
    const sinceMs = performance.now();
    for (const { atMs, promptTokens, outputTokens } of requests) {
      await delay(Math.max(0, sinceMs + atMs - performance.now()), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const chat = this.#chat(promptTokens, outputTokens).finally(() => this.#open.delete(chat));
      this.#open.add(chat);
    }
  }

  async #chat(promptTokens: number, outputTokens: number): Promise<void> {
    const sentAtMs = performance.now();
    let [firstAtMs, lastAtMs, chunks] = [0, 0, 0];
    try {
      const response = await fetch(`${this.#gatewayUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [objectiveHeaders[0]]: 'interactive' },
        body: JSON.stringify({
          model: 'sim',
          stream: true,
          ignore_eos: true,
          max_tokens: Math.min(outputTokens, this.#longest.outputTokens),
          messages: [{ role: 'user', content: textOf(Math.min(promptTokens, this.#longest.promptTokens)) }],
        }),
        signal: this.#ended.signal,
      });
      for await (const _ of response.body ?? []) {
        lastAtMs = performance.now();
        if (chunks === 0) firstAtMs = lastAtMs;
        chunks += 1;
      }
    } catch {
      chunks = 0;
    }
    if (this.#ended.signal.aborted) return;
    const tpotMs = (lastAtMs - firstAtMs) / Math.max(1, chunks - 1);
    this.#chats += 1;
    if (chunks > 0) this.#ttftsMs.push(firstAtMs - sentAtMs);
    if (chunks === 0 || firstAtMs - sentAtMs > promised.ttftMs || tpotMs > promised.tpotMs) this.#missed += 1;
  }
}

/** A prompt of about this number of tokens, like no other. */
export function textOf(tokens: number): string {
  return `${Math.random()} ${'abc '.repeat(tokens)}`;
}
