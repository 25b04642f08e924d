import fc from 'fast-check';
import { hopByHopHeaders } from '../../shared/inference-gateway/hop-by-hop.ts';
import { everyApiRoute } from '../../shared/openai/api-routes.ts';
import { startGateway } from './gateway-client.ts';
import { longestTurnMs, watchedLoop } from './loop-watch.ts';
import { until } from './poll.ts';
import { RawConnection } from './raw-connection.ts';
import { type RawEngine, type RawRequest, rawAnswer, startRawEngine } from './raw-engine.ts';
import { caseHeader, type RawCase, rawCases, secret } from './raw-requests.ts';

export interface RequestFuzzReport {
  readonly seed: number;
  readonly statuses: Readonly<Record<number, number>>;
  /** Requests that reached the endpoint. */
  readonly forwarded: number;
  /** The longest turn of the gateway's event loop, in milliseconds of CPU. */
  readonly longestTurnMs: number;
}

const atOnce = 8;
const casePrefix = 'case-';
/** A connection that is not closed by then is one that never is, however busy the machine. */
const answerWithinMs = 30_000;
/** A connection with less than a request on it says nothing for longer: it waits for what never comes. */
const silenceMs = 200;
const sentinel = 'GET /healthz HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n';
const routes: ReadonlySet<string> = new Set(everyApiRoute.map(({ path }) => path));
const neverSentOn: ReadonlySet<string> = new Set([
  ...hopByHopHeaders,
  'authorization',
  'x-api-key',
  'expect',
  'x-named',
]);

/**
 * Sends bytes of every kind to a gateway process before an endpoint that never fails, and checks that no answer is a 5xx, that each request
 * has its one answer, and that the endpoint gets nothing but requests that were sent, whole and once, without what is not for it. `SEED`
 * repeats a run.
 */
export async function fuzzRequests(cases: number): Promise<RequestFuzzReport> {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
  process.stdout.write(`seed ${seed}: SEED=${seed} repeats these ${cases} connections\n`);
  const engine = await startRawEngine(answerOf);
  const gateway = await startGateway({
    ENDPOINTS: engine.url,
    LOG_LEVEL: 'warn',
    LOG_REQUESTS: 'none',
    METRICS_REFRESH_MS: '250',
    ...watchedLoop,
  });
  // What its start took is no answer to anything.
  process.kill(gateway.pid, 'SIGUSR2');
  const statuses: Record<number, number> = {};
  let forwarded = 0;
  let sent = 0;
  const judge = (sentCase: RawCase, answers: readonly number[], reached: readonly RawRequest[]): void => {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${JSON.stringify(sentCase.bytes.toString('latin1').slice(0, 2000))}`);
    };
    for (const status of answers) statuses[status] = (statuses[status] ?? 0) + 1;
    forwarded += reached.length;
    if (answers.some((status) => status >= 500)) fail(`answered ${answers.join(', ')}`);
    if (reached.length > 1) fail(`reached the endpoint ${reached.length} times`);
    const final = answers.filter((status) => status >= 200);
    if (final.length === 0 && sentCase.whole) fail('no answer');
    if (final.length > 2) fail(`${final.length} answers`);
    for (const request of reached) {
      const fault = forwardedFault(request, sentCase, engine);
      if (fault) fail(`the endpoint got ${fault}`);
    }
  };
  try {
    const together = fc.array(rawCases, { minLength: atOnce, maxLength: atOnce });
    const property = fc.asyncProperty(together, async (makers) => {
      const names = makers.map((_, index) => `${casePrefix}${sent + index}`);
      sent += makers.length;
      const batch = makers.map((make, index) => make(names[index]!));
      const answers = await Promise.all(batch.map((each) => exchange(gateway.url, each)));
      const reached = Map.groupBy(engine.take(), nameOf);
      for (const [index, name] of names.entries()) {
        judge(batch[index]!, answers[index]!, reached.get(name) ?? []);
        reached.delete(name);
      }
      if (reached.size > 0) throw new Error(`smuggled: ${JSON.stringify([...reached.keys()])}`);
      if (engine.faults.length > 0) throw new Error(`the endpoint got ${engine.faults[0]}`);
    });
    // No shrinking: what earlier bytes left in the process cannot be taken back.
    await fc.assert(property, { seed, numRuns: Math.ceil(cases / atOnce), endOnFailure: true });
    if ((await fetch(`${gateway.url}/readyz`)).status !== 200) throw new Error('the gateway is not ready at the end');
    const output = gateway.output();
    if (/uncaught_exception|unhandled_rejection|"severity":"ERROR"/.test(output)) throw new Error(output);
    return { seed, statuses, forwarded, longestTurnMs: longestTurnMs(output) };
  } finally {
    await gateway.kill('SIGKILL');
    engine.close();
  }
}

/** The statuses that one connection was answered with, the last one for the request behind the case. */
async function exchange(url: string, { bytes, isHead, whole }: RawCase): Promise<readonly number[]> {
  const connection = new RawConnection(url);
  connection.socket.write(Buffer.concat([bytes, Buffer.from(sentinel)]));
  let heard = -1;
  let heardAtMs = performance.now();
  await until(
    () => {
      if (connection.text.length !== heard) {
        heard = connection.text.length;
        heardAtMs = performance.now();
      } else if (!whole && performance.now() - heardAtMs > silenceMs) connection.socket.end();
      return connection.closed;
    },
    {
      what: `the end of a connection that sent ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`,
      timeoutMs: answerWithinMs,
    },
  );
  return statusesOf(connection.text, isHead);
}

/** Statuses of answers one behind the other, what they hold skipped over. `isHead`: the first one is a head alone. */
function statusesOf(text: string, isHead: boolean): number[] {
  const statuses: number[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text.slice(at, at + 16))?.[1]);
    if (end < 0 || Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(text.slice(at, at + 300))}`);
    const isBodiless = status < 200 || status === 204 || (isHead && statuses.every((before) => before < 200));
    statuses.push(status);
    at = isBodiless ? end + 4 : endOfBody(text, text.slice(at, end).toLowerCase(), end + 4);
  }
  return statuses;
}

function endOfBody(text: string, head: string, from: number): number {
  if (/\r\ntransfer-encoding: chunked/.test(head)) return endOfChunks(text, from);
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  return length === undefined ? text.length : from + Number(length);
}

function endOfChunks(text: string, from: number): number {
  for (let at = from; ; ) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (end < 0 || Number.isNaN(size)) return text.length;
    at = end + 2 + size + 2;
    if (size === 0) return at;
  }
}

/** What is wrong with a request that reached the endpoint; undefined where it is the one that was sent, without what is not for it. */
function forwardedFault(request: RawRequest, { whole }: RawCase, engine: RawEngine): string | undefined {
  const path = request.target.split('?', 1)[0] ?? '';
  if (!whole) return 'what is no request';
  if (request.method !== 'POST' || !routes.has(path) || path !== whole.path)
    return `${request.method} ${request.target}`;
  if (!request.body.equals(whole.body)) return 'another body';
  const isOfThisHop = ([name, value]: RawRequest['headers'][number]): boolean =>
    name === 'connection' && value === 'keep-alive';
  const unwanted = request.headers.find((header) => neverSentOn.has(header[0]) && !isOfThisHop(header));
  if (unwanted) return unwanted.join(': ');
  if (JSON.stringify(request.headers).includes(secret)) return 'a credential';
  const names = request.headers.map(([name]) => name);
  const isOnce = (header: string): boolean => names.filter((name) => name === header).length === 1;
  if (!['x-request-id', 'content-length', 'host'].every(isOnce)) return `the headers ${names.join(', ')}`;
  const isForIt = request.headers.some(([name, value]) => name === 'host' && value === engine.host);
  return isForIt ? undefined : 'a host of another';
}

function nameOf({ headers }: RawRequest): string {
  return headers.find(([name]) => name === caseHeader)?.[1] ?? '';
}

const usages = [
  '{"prompt_tokens":3,"completion_tokens":1}',
  'null',
  '{}',
  `{"prompt_tokens":${'9'.repeat(400)},"completion_tokens":-1}`,
  '{"prompt_tokens":1e308,"completion_tokens":1e308,"prompt_tokens_details":{"cached_tokens":1e400}}',
  '[{"prompt_tokens":3}]',
];

/** Each kind of answer in turn, streams among them: whatever it says, it is whole. */
function answerOf(request: RawRequest): Buffer {
  const turn = Number(nameOf(request).slice(casePrefix.length)) || 0;
  const usage = usages[turn % usages.length]!;
  if (turn % 7 === 0) return rawAnswer(422, '{"error":{"message":"no"}}');
  if (turn % 5 === 0) {
    const events = ['{"choices":[{"delta":{"content":"x"}}]}', 'not json', `{"choices":[],"usage":${usage}}`, '[DONE]'];
    return rawAnswer(200, events.map((event) => `data: ${event}\n\n`).join(''), 'text/event-stream');
  }
  return rawAnswer(200, `{"choices":[{"text":"hi"}],"usage":${usage}}`);
}
