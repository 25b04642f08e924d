import type { ServerResponse } from 'node:http';
import type { Fault } from '../faults/fault-header.ts';
import type { Answer } from './answer.ts';
import type { AnswerEnd, Wire } from './wire.ts';

/** Writes an answer while, or when, it is generated. */
export interface AnswerWriter {
  /** So many tokens exist now; `end` comes with the last. */
  generated(tokens: number, end: AnswerEnd | undefined): void;
}

/**
 * Server-sent events, one for each token. To a client that reads slower than the engine generates, nothing is sent until it has read; then one
 * event brings all that it missed.
 */
export class StreamWriter implements AnswerWriter {
  readonly #response: ServerResponse;
  readonly #wire: Wire;
  readonly #answer: Answer;
  readonly #fault: Fault | undefined;
  /** Where the fault strikes. */
  readonly #lastToken: number;
  #sent = 0;
  #generated = 0;
  #end: AnswerEnd | undefined;
  #blocked = false;

  constructor(response: ServerResponse, wire: Wire, answer: Answer, fault: Fault | undefined) {
    this.#response = response;
    this.#wire = wire;
    this.#answer = answer;
    this.#fault = fault;
    this.#lastToken = fault && 'tokens' in fault ? fault.tokens : Number.POSITIVE_INFINITY;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
    response.on('drain', () => {
      this.#blocked = false;
      this.#send();
    });
    if (this.#lastToken === 0) this.#strike();
  }

  generated(tokens: number, end: AnswerEnd | undefined): void {
    this.#generated = tokens;
    this.#end = end;
    this.#send();
  }

  #send(): void {
    const upTo = Math.min(this.#generated, this.#lastToken);
    if (this.#blocked || this.#sent === upTo) return;
    const { tokens } = this.#answer;
    if (this.#sent === 0) this.#response.write(this.#wire.opening());
    const text = this.#sent + 1 === upTo ? tokens[this.#sent]! : tokens.slice(this.#sent, upTo).join('');
    this.#sent = upTo;
    if (upTo === this.#lastToken) {
      this.#response.write(this.#wire.delta(text), () => this.#strike());
    } else if (this.#end) {
      this.#response.end(this.#wire.delta(text, this.#end) + this.#wire.closing(tokens.join(''), this.#end));
    } else {
      this.#blocked = !this.#response.write(this.#wire.delta(text));
    }
  }

  #strike(): void {
    if (this.#fault?.kind === 'cut-after') this.#response.destroy();
  }
}

/** One JSON body at the end. */
export class WholeWriter implements AnswerWriter {
  readonly #response: ServerResponse;
  readonly #wire: Wire;
  readonly #answer: Answer;
  readonly #fault: Fault | undefined;

  constructor(response: ServerResponse, wire: Wire, answer: Answer, fault: Fault | undefined) {
    this.#response = response;
    this.#wire = wire;
    this.#answer = answer;
    this.#fault = fault;
  }

  generated(_tokens: number, end: AnswerEnd | undefined): void {
    if (end) sendWhole(this.#response, this.#wire.whole(this.#answer.tokens.join(''), end), this.#fault);
  }
}

/** A JSON answer, of which a fault lets only half through. */
export function sendWhole(response: ServerResponse, json: string, fault: Fault | undefined): void {
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
