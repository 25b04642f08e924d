import type { ServerResponse } from 'node:http';
import type { AnswerFault } from '../faults/fault-header.ts';
import type { RequestFault } from '../faults/request-fault.ts';
import type { Answer } from './answer.ts';
import type { AnswerEnd, Wire } from './wire.ts';

/** Writes an answer while, or when, it is generated. */
export interface AnswerWriter {
  /** Takes the number of tokens that exist now; `end` comes with the last. */
  generated(tokens: number, end: AnswerEnd | undefined): void;
  /** The engine does not take the request. @throws {RequestFault} where nothing of the answer went out */
  refuse(fault: RequestFault): void;
}

/** How an answer is streamed. */
export interface StreamOptions {
  readonly answer: Answer;
  readonly fault: AnswerFault | undefined;
  /** Tokens that an event waits for: vLLM's `--stream-interval`. The first token and the last do not wait. */
  readonly interval: number;
}

/**
 * Server-sent events, one for each `interval` tokens. To a client that reads slower than the engine generates, nothing is sent until it
 * has read; then one event brings all that it missed.
 */
export class StreamWriter implements AnswerWriter {
  readonly #response: ServerResponse;
  readonly #wire: Wire;
  readonly #options: StreamOptions;
  /** Where the fault strikes. */
  readonly #lastToken: number;
  #sent = 0;
  #generated = 0;
  #end: AnswerEnd | undefined;
  #blocked = false;

  constructor(response: ServerResponse, wire: Wire, options: StreamOptions) {
    const { fault } = options;
    this.#response = response;
    this.#wire = wire;
    this.#options = options;
    this.#lastToken = fault && 'tokens' in fault ? fault.tokens : Number.POSITIVE_INFINITY;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
    response.on('drain', () => {
      this.#blocked = false;
      this.#send();
    });
    if (this.#lastToken === 0) this.#strike();
    else this.#write(wire.greeting());
  }

  generated(tokens: number, end: AnswerEnd | undefined): void {
    this.#generated = tokens;
    this.#end = end;
    this.#send();
  }

  refuse(fault: RequestFault): void {
    const events = this.#wire.refused(fault);
    this.#write(events);
    if (events.length > 0) this.#response.end();
    else this.#response.socket?.destroySoon();
  }

  #send(): void {
    const upTo = Math.min(this.#generated, this.#lastToken);
    if (this.#blocked || !this.#isDue(upTo)) return;
    const { tokens } = this.#options.answer;
    if (this.#sent === 0) this.#write(this.#wire.opening());
    const text = this.#sent + 1 === upTo ? tokens[this.#sent]! : tokens.slice(this.#sent, upTo).join('');
    this.#sent = upTo;
    if (upTo === this.#lastToken) {
      this.#response.write(this.#wire.delta(text), () => this.#strike());
    } else if (this.#end) {
      this.#write([this.#wire.delta(text, this.#end), ...this.#wire.closing(tokens.join(''), this.#end)]);
      this.#response.end();
    } else {
      this.#write([this.#wire.delta(text)]);
    }
  }

  #isDue(upTo: number): boolean {
    if (this.#sent === upTo) return false;
    return this.#sent === 0 || this.#end !== undefined || upTo === this.#lastToken || this.#isFull(upTo);
  }

  #isFull(upTo: number): boolean {
    return upTo - this.#sent >= this.#options.interval;
  }

  #write(events: readonly string[]): void {
    for (const event of events) this.#blocked = !this.#response.write(event);
  }

  #strike(): void {
    if (this.#options.fault?.kind === 'cut-after') this.#response.destroy();
  }
}

/** One JSON body at the end. */
export class WholeWriter implements AnswerWriter {
  readonly #response: ServerResponse;
  readonly #wire: Wire;
  readonly #options: StreamOptions;

  constructor(response: ServerResponse, wire: Wire, options: StreamOptions) {
    this.#response = response;
    this.#wire = wire;
    this.#options = options;
  }

  generated(_tokens: number, end: AnswerEnd | undefined): void {
    const { answer, fault } = this.#options;
    if (end) sendWhole(this.#response, this.#wire.whole(answer.tokens.join(''), end), fault);
  }

  refuse(fault: RequestFault): void {
    throw fault;
  }
}

/** A JSON answer, of which a fault lets only half through. */
export function sendWhole(response: ServerResponse, json: string, fault: AnswerFault | undefined): void {
  const body = Buffer.from(json);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  if (!fault) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, body.length >> 1), () => {
    if (fault.kind === 'cut-after') response.destroy();
  });
}
