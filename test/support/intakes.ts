import { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import { entryOf } from './ledger-entries.ts';
import { type TicketWish, ticketOf } from './tickets.ts';

/** One endpoint, and requests that run on it. */
export function intakeOfOne() {
  const clock = { nowMs: 1000 };
  const options = { nowMs: () => clock.nowMs, staleAfterMs: 1000, onUsableChange: () => {} };
  const endpoint = new Endpoint({ url: 'http://a:1', labels: {} }, options);
  const { intake, ledger } = endpoint;
  const run = ({ onEvict, ...wish }: TicketWish & { onEvict?: () => void } = {}) => {
    const ticket = ticketOf({ arrivedAtMs: clock.nowMs, ...wish }, (event) => event === 'evicted' && onEvict?.());
    const { workClass, promptTokens, stream } = ticket.request;
    const entry = ledger.open(entryOf(workClass, promptTokens, { stream, firstTokenExpectedAtMs: clock.nowMs }));
    const stay = intake.open(ticket, entry);
    return {
      stay,
      chunk: () => {
        entry.sawFirstByte(true);
        stay.sawChunk();
      },
      end: () => {
        entry.close();
        stay.end();
      },
    };
  };
  const reads = (reading: { running?: number; waiting?: number; kvCacheUtilization?: number } = {}) =>
    endpoint.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0, ...reading });
  /** Two readings, after the step in which the last request came. */
  const readsAQueue = (running: number, waiting: number) => {
    clock.nowMs += 60;
    for (let reading = 0; reading < 2; reading += 1) reads({ running, waiting });
  };
  /** Chunks for all of them, so far apart, while readings come in between. */
  const stream = (requests: readonly { chunk(): void }[], gapMs: number, chunks: number, reading = {}) => {
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      clock.nowMs += gapMs;
      for (const each of requests) each.chunk();
      reads(reading);
    }
  };
  return { clock, endpoint, intake, ledger, run, reads, readsAQueue, stream };
}

export const many = (count: number, of: () => ReturnType<ReturnType<typeof intakeOfOne>['run']>) =>
  Array.from({ length: count }, of);
export const shed = { priority: -1 };
