import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';

/** Chats of users that share long system prompts, sent when they are due, whatever became of those before. */
export interface PrefixLoad {
  readonly url: string;
  readonly perSecond: number;
  readonly seconds: number;
  /** Decides when each is sent and which prompt it has. */
  readonly seed: number;
}

export interface PrefixLoadOutcome {
  readonly ttftMs: readonly number[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Answers that were not whole. */
  readonly failed: number;
}

/** Protocol: the workload of llm-d's optimized-baseline guide; fewer prompts, since a step is shorter than its runs. */
const [prompts, systemTokens, questionTokens, answerTokens] = [50, 6000, 1200, 100];

/** Poisson arrivals; resolves when all are answered. */
export async function sendPrefixLoad({ url, perSecond, seconds, seed }: PrefixLoad): Promise<PrefixLoadOutcome> {
  const random = seededRandom(seed);
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const answers: Promise<Answered | undefined>[] = [];
  const beganAtMs = performance.now();
  for (let dueMs = 0; dueMs < seconds * 1000; dueMs += (-Math.log(1 - random()) * 1000) / perSecond) {
    await delay(Math.max(0, beganAtMs + dueMs - performance.now()));
    answers.push(ask(url, agent, bodyOf(Math.floor(random() * prompts), answers.length)));
  }
  const ended = await Promise.all(answers);
  agent.destroy();
  const whole = ended.filter((each) => each !== undefined);
  const sum = (of: (each: Answered) => number) => whole.reduce((total, each) => total + of(each), 0);
  return {
    ttftMs: whole.map(({ ttftMs }) => ttftMs),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    failed: ended.length - whole.length,
  };
}

interface Answered {
  readonly ttftMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** A word of four letters is a token, with the space before it. */
function wordsOf(seed: number, count: number): string {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(36 ** 3 + random() * 35 * 36 ** 3).toString(36)).join(' ');
}

function bodyOf(prompt: number, index: number): string {
  return JSON.stringify({
    model: 'm',
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: answerTokens,
    ignore_eos: true,
    messages: [
      { role: 'system', content: wordsOf(prompt, systemTokens) },
      { role: 'user', content: wordsOf(1_000_000 + index, questionTokens) },
    ],
  });
}

/** Undefined where the answer was not whole. */
function ask(url: string, agent: Agent, body: string): Promise<Answered | undefined> {
  return new Promise((over) => {
    const sentAtMs = performance.now();
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(new URL('/v1/chat/completions', url), { method: 'POST', agent, headers }, (answer) => {
      let [ttftMs, last] = [0, ''];
      answer.setEncoding('utf8').on('data', (text: string) => {
        ttftMs ||= performance.now() - sentAtMs;
        // The usage is in the last event but one, and shorter than this.
        last = (last + text).slice(-2000);
      });
      answer.on('error', () => {});
      answer.once('close', () => {
        const usage = /"usage":(\{.*?\}\}?)/.exec(last)?.[1] ?? '';
        const [promptTokens, cachedTokens] = ['prompt_tokens', 'cached_tokens'].map((name) =>
          Number(new RegExp(`"${name}":(\\d+)`).exec(usage)?.[1] ?? 0),
        ) as [number, number];
        const isWhole = answer.complete && answer.statusCode === 200 && promptTokens > 0;
        over(isWhole ? { ttftMs, promptTokens, cachedTokens } : undefined);
      });
    });
    outgoing.once('error', () => over(undefined));
    outgoing.end(body);
  });
}
