/** Before anything is learned: a mid-sized engine's. */
const firstMsPerToken = 0.03;
/** A sample's weight fades to a half in about 70 more. */
const fade = 0.99;
const samplesToTrust = 16;
/** Spread of the samples in tokens, below which they say nothing about the cost of one token. */
const spreadToTrust = 200;

/**
 * Prompt tokens that an endpoint has still to compute, as far as the gateway sent them: what goes in drains at the speed that first
 * tokens have shown, and a first token proves that everything sent before it is done.
 */
export class PrefillLane {
  #sentTokens = 0;
  #doneTokens = 0;
  #drainedAtMs = 0;
  #weight = 0;
  #sumX = 0;
  #sumY = 0;
  #sumXX = 0;
  #sumXY = 0;

  /** Returns the mark to give back with the first token. */
  send(promptTokens: number, nowMs: number): number {
    this.#drain(nowMs);
    this.#sentTokens += promptTokens;
    return this.#sentTokens;
  }

  backlogTokens(nowMs: number): number {
    this.#drain(nowMs);
    return this.#sentTokens - this.#doneTokens;
  }

  backlogMs(nowMs: number): number {
    return this.backlogTokens(nowMs) * this.msPerToken;
  }

  /** The first token of what was sent up to `mark` is here. */
  done(mark: number): void {
    this.#doneTokens = Math.max(this.#doneTokens, mark);
  }

  /** A first token that came `ttftMs` after the request was sent behind, and with, so many tokens. */
  learn(backlogTokens: number, ttftMs: number): void {
    this.#weight = this.#weight * fade + 1;
    this.#sumX = this.#sumX * fade + backlogTokens;
    this.#sumY = this.#sumY * fade + ttftMs;
    this.#sumXX = this.#sumXX * fade + backlogTokens * backlogTokens;
    this.#sumXY = this.#sumXY * fade + backlogTokens * ttftMs;
  }

  get isLearned(): boolean {
    return this.#weight >= samplesToTrust * 0.9 && this.#variance > spreadToTrust ** 2;
  }

  /** Slope of TTFT over tokens, by least squares. */
  get msPerToken(): number {
    if (!this.isLearned) return firstMsPerToken;
    const covariance = this.#sumXY / this.#weight - (this.#sumX / this.#weight) * (this.#sumY / this.#weight);
    return Math.min(1, Math.max(0.001, covariance / this.#variance));
  }

  /** TTFT of a prompt of no length, on this endpoint as it is. */
  get fixedMs(): number {
    if (!this.isLearned) return 0;
    return Math.max(0, (this.#sumY - this.msPerToken * this.#sumX) / this.#weight);
  }

  get #variance(): number {
    return this.#sumXX / this.#weight - (this.#sumX / this.#weight) ** 2;
  }

  #drain(nowMs: number): void {
    const drained = (nowMs - this.#drainedAtMs) / this.msPerToken;
    this.#doneTokens = Math.min(this.#sentTokens, this.#doneTokens + drained);
    this.#drainedAtMs = nowMs;
  }
}
