import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import type { TraceName, TraceRow } from './trace.ts';

/** What a log-normal length looks like: its median, how far the 99th percentile is above it, and the longest. */
interface Lengths {
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
}

interface Shape {
  readonly rows: number;
  readonly spanMs: number;
  readonly prompt: Lengths;
  readonly output: Lengths;
  /** Requests of one burst; 1 is a Poisson process. */
  readonly burst: number;
  /** Share of requests that go on with a conversation. */
  readonly continues: number;
}

/** Sources: the statistics published with the Azure 2023 and Mooncake traces. */
const shapes: Readonly<Record<TraceName, Shape>> = {
  conversation: {
    rows: 19_366,
    spanMs: 3_502_000,
    prompt: { median: 1020, p99: 4142, longest: 14_000 },
    output: { median: 129, p99: 601, longest: 1000 },
    burst: 1,
    continues: 0,
  },
  code: {
    rows: 8819,
    spanMs: 3_436_000,
    prompt: { median: 1469, p99: 7436, longest: 7500 },
    output: { median: 13, p99: 251, longest: 2000 },
    burst: 20,
    continues: 0,
  },
  prefixes: {
    rows: 12_031,
    spanMs: 3_537_000,
    prompt: { median: 7000, p99: 85_000, longest: 120_000 },
    output: { median: 330, p99: 1200, longest: 2000 },
    burst: 1,
    continues: 0.5,
  },
};

const prefixTokens = 512;
/** Of the standard normal distribution. */
const z99 = 2.326;

/** A trace of the statistics of the recorded one, for where that is absent; the same each time. */
export function generatedTrace(name: TraceName): readonly TraceRow[] {
  const { rows, spanMs, prompt, output, burst, continues } = shapes[name];
  const random = seededRandom(name.length);
  const conversations: number[][] = [];
  let nextId = 0;
  let burstAtMs = 0;
  const trace = Array.from({ length: rows }, (_, index) => {
    if (index % burst === 0) burstAtMs = random() * spanMs;
    const wanted = lengthOf(prompt, random);
    const before = random() < continues ? conversations[Math.floor(random() * conversations.length)] : undefined;
    const ids = (before ?? []).slice(0, Math.floor(wanted / prefixTokens));
    while (name === 'prefixes' && ids.length < Math.ceil(wanted / prefixTokens)) ids.push(nextId++);
    if (continues > 0) conversations.push(ids);
    if (conversations.length > 500) conversations.shift();
    const atMs = Math.min(spanMs, burstAtMs + (burst > 1 ? random() * 2000 : 0));
    return { atMs, promptTokens: wanted, outputTokens: lengthOf(output, random), prefixIds: ids };
  });
  return trace.sort((a, b) => a.atMs - b.atMs);
}

function lengthOf({ median, p99, longest }: Lengths, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const length = median * Math.exp((Math.log(p99 / median) / z99) * normal);
  return Math.max(1, Math.min(longest, Math.round(length)));
}
