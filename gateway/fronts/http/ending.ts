import type { LedgerEntry } from '../../endpoint/in-flight.ts';
import type { Stay } from '../../endpoint/stay.ts';
import type { RefusalCode } from '../../refusal.ts';
import type { Exchange } from './exchange.ts';

export interface ExchangeObserver {
  began(exchange: Exchange): void;
  /** Called once for each exchange, when its place is free again. */
  ended(exchange: Exchange, ending: Ending): void;
  /** Called once for each exchange, when its client has all that it gets, or has gone. */
  left(exchange: Exchange): void;
}

/** Why a request got no answer, or no whole one; the `error_code` of the metrics. */
export type FailureCode = RefusalCode | 'client_gone';

/** How an exchange ended, and what was seen of the answer. */
export interface Ending {
  readonly outcome: 'served' | FailureCode;
  /** Status of the answer; 0 without one. */
  readonly status: number;
  /** `host:port` of the endpoint that was tried last. */
  readonly endpoint: string | undefined;
  /** Of the place it had last, closed. */
  readonly entry: LedgerEntry | undefined;
  readonly stay: Stay | undefined;
  readonly ttftMs: number | undefined;
  readonly durationMs: number;
  /** The end of the answer, as far as there is one. */
  readonly lastChunk: Buffer | undefined;
  readonly chunkBefore: Buffer | undefined;
}
