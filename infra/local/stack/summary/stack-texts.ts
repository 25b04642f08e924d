import type { FunctionFigures } from './function-figures.ts';
import { promised, type TtftFigures } from './ttft-figures.ts';

/** What became of the async requests. */
export interface AsyncFigures {
  readonly messages: number;
  readonly answered: number;
  readonly failed: number;
  /** Results beyond the first of their message. */
  readonly duplicates: number;
  /** Prompt and completion tokens of the answers. */
  readonly tokens: number;
  readonly seconds: number;
}

/** All that the summary shows. */
export interface Summary {
  readonly asynchronous: AsyncFigures;
  readonly ttftAlone: TtftFigures;
  readonly ttftBesideAsync: TtftFigures;
  readonly failedTurns: number;
  readonly function: FunctionFigures;
  readonly out: string;
}

/** Where the parts of the stack are reached. */
export interface Addresses {
  readonly gateway: string;
  readonly function: string;
  readonly monitoring: string;
  readonly pubsub: string;
  readonly logs: string;
}

/** Short enough for a terminal of eighty columns. */
export function progressText(asynchronous: AsyncFigures, nacked: number, ttft: TtftFigures): string {
  const { messages, answered } = asynchronous;
  const chat =
    ttft.turns === 0 ? 'chat begins' : `TTFT p50 ${milliseconds(ttft.p50Ms)}, p95 ${milliseconds(ttft.p95Ms)}`;
  if (messages === 0) return `chat alone | ${chat}`;
  return `async ${answered}/${messages}, waiting ${messages - answered}, nacked ${nacked} | ${chat} | ${tokenRate(asynchronous)}`;
}

/** The summary, in lines for a terminal of eighty columns. */
export function summaryText(summary: Summary): string {
  const { asynchronous, ttftAlone, ttftBesideAsync, failedTurns } = summary;
  const { messages, answered, failed, duplicates, seconds } = asynchronous;
  const { nacked, deferred, sources, closed } = summary.function;
  const missing = messages - answered;
  const rows = [
    ['results', `${answered} of ${messages} messages${missing > 0 ? `, ${missing} MISSING` : ''}, in ${summary.out}`],
    ['', `${answered - failed} succeeded, ${failed} failed, ${duplicates} came twice and were dropped`],
    ['async', `${tokenRate(asynchronous)} over ${seconds.toFixed(1)} s`],
    ['chat TTFT', `alone          ${ttftText(ttftAlone)}`],
    ['', `beside async   ${ttftText(ttftBesideAsync)}`],
    ['', `missed: slower than ${promised.ttftMs} ms to the first token, or ${promised.tpotMs} ms a token`],
    ...(failedTurns > 0 ? [['', `${failedTurns} turns failed`]] : []),
    ['gate', `reads ${sources.join(' and ') || 'nothing'}; ${closedText(closed)}`],
    ['', `${nacked} deliveries nacked; ${deferredText(deferred)}`],
  ];
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(10)} ${text}`).join('\n');
}

/** Where everything is. */
export function addressesText(addresses: Addresses): string {
  return [
    `  gateway    ${addresses.gateway}`,
    `  dashboard  ${addresses.gateway}/dashboard`,
    `  Pub/Sub    ${addresses.pubsub}`,
    `  function   ${addresses.function}`,
    `  monitoring ${new URL(addresses.monitoring).host} (gRPC)`,
    `  logs       ${addresses.logs}`,
  ].join('\n');
}

/** How to send work to the running stack. */
export function invitationText({ pubsub }: Addresses): string {
  return [
    'Everything stays up until Ctrl-C. To send requests of your own, in another terminal:',
    '',
    `  export PUBSUB_EMULATOR_HOST=${new URL(pubsub).host} GOOGLE_CLOUD_PROJECT=local`,
    '  npm run submit -- FILE.jsonl',
  ].join('\n');
}

function ttftText({ turns, p50Ms, p95Ms, missed }: TtftFigures): string {
  if (turns === 0) return 'no turn';
  return `p50 ${milliseconds(p50Ms)}, p95 ${milliseconds(p95Ms)} of ${turns} turns, ${missed} missed`;
}

function closedText(closed: FunctionFigures['closed']): string {
  const sources = Object.entries(closed).filter(([, count]) => count > 0);
  if (sources.length === 0) return 'it never closed';
  return `it closed ${sources.map(([source, count]) => `${count} × on ${source}`).join(', ')}`;
}

function deferredText(deferred: FunctionFigures['deferred']): string {
  const reasons = Object.entries(deferred).filter(([, count]) => count > 0);
  if (reasons.length === 0) return 'it never held a message back';
  return `it held messages back: ${reasons.map(([reason, count]) => `${count} × ${reason}`).join(', ')}`;
}

function tokenRate({ tokens, seconds }: AsyncFigures): string {
  return `${Math.round(seconds > 0 ? tokens / seconds : 0).toLocaleString('en')} tok/s`;
}

function milliseconds(value: number): string {
  return `${Math.round(value)} ms`;
}
