import { setTimeout as delay } from 'node:timers/promises';
import { ask, call, sheddable } from './gateway-client.ts';
import { until } from './poll.ts';

export interface MixedLoadOptions {
  /** Of the gateways, among which requests are spread. */
  readonly urls: readonly string[];
  readonly model: string;
  /** Chats begun in a second, streamed; 0 for none. */
  readonly chatsPerSecond: number;
  readonly chatTokens: number;
  readonly chatHeaders?: Readonly<Record<string, string>>;
  /** Callers of sheddable work: each asks again when it has its answer, or after the `Retry-After` of a refusal. */
  readonly callers: number;
  readonly sheddableTokens: number;
  readonly promptWords: number;
  readonly random: () => number;
}

/** Chats at a steady rate, and as much sheddable work as is let in. */
export class MixedLoad {
  ttftMs: number[] = [];
  sheddableTokens = 0;
  /** Answers that were neither complete nor a refusal of sheddable work. */
  readonly failed: string[] = [];
  readonly #options: MixedLoadOptions;
  #stopped = false;
  #open = 0;

  constructor(options: MixedLoadOptions) {
    this.#options = options;
  }

  start(): void {
    for (let caller = 0; caller < this.#options.callers; caller += 1) void this.#shed(caller);
    if (this.#options.chatsPerSecond > 0) void this.#chats();
  }

  /** Forgets what was measured so far. */
  reset(): void {
    this.ttftMs = [];
    this.sheddableTokens = 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await until(() => this.#open === 0, { what: 'the load to end', timeoutMs: 60_000 });
  }

  async #chats(): Promise<void> {
    const { chatsPerSecond, random, urls } = this.#options;
    for (let chat = 0; !this.#stopped; chat += 1) {
      void this.#chat(urls[chat % urls.length] ?? '');
      await delay((-Math.log(1 - random()) * 1000) / chatsPerSecond);
    }
  }

  async #chat(url: string): Promise<void> {
    this.#open += 1;
    const startedAtMs = performance.now();
    const { chatTokens, chatHeaders = {} } = this.#options;
    const chat = call(url, { headers: chatHeaders, body: this.#body(chatTokens, true) });
    void chat.began.then(() => this.ttftMs.push(performance.now() - startedAtMs));
    const answer = await chat.answer.catch(() => undefined);
    if (answer?.status !== 200 || !answer.complete) this.failed.push(`chat: ${answer?.status}`);
    this.#open -= 1;
  }

  async #shed(caller: number): Promise<void> {
    const { urls, sheddableTokens } = this.#options;
    const url = urls[caller % urls.length] ?? '';
    while (!this.#stopped) {
      this.#open += 1;
      const answer = await ask(url, { headers: sheddable, body: this.#body(sheddableTokens, false) }).catch(
        () => undefined,
      );
      this.#open -= 1;
      if (answer?.status === 200) this.sheddableTokens += sheddableTokens;
      else if (answer?.status !== 429) this.failed.push(`sheddable: ${answer?.status}`);
      if (answer?.status !== 200)
        await delay(Number(answer?.headers['retry-after'] ?? 1) * 1000, undefined, { ref: false });
    }
  }

  #body(maxTokens: number, stream: boolean): string {
    const { model, promptWords, random } = this.#options;
    const content = `${random()} ${'word '.repeat(promptWords)}`;
    return JSON.stringify({
      model,
      stream,
      max_tokens: maxTokens,
      ignore_eos: true,
      messages: [{ role: 'user', content }],
    });
  }
}
