import { setTimeout as delay } from 'node:timers/promises';
import { readScrape, type ScrapedSample, type Target, upSample } from './scraped-samples.ts';

/** What is scraped, how often, and where its samples go. */
export interface ScrapeOptions {
  readonly url: string;
  readonly target: Target;
  readonly intervalMs: number;
  /** Everything one scrape gave, and when it began in unix milliseconds. */
  readonly take: (samples: readonly ScrapedSample[], atMs: number) => void;
  /** The target began to answer, or ceased to. */
  readonly report: (line: string) => void;
  /** Ends the loop. */
  readonly signal: AbortSignal;
}

const longestScrapeMs = 10_000;
const largestPageBytes = 32 * 1024 * 1024;

/** Reads one page of metrics again and again. A target that does not answer has `up` 0 and nothing else. */
export async function scrape({ url, target, intervalMs, take, report, signal }: ScrapeOptions): Promise<void> {
  let wasUp: boolean | undefined;
  while (!signal.aborted) {
    const atMs = Date.now();
    const timeout = AbortSignal.timeout(Math.min(longestScrapeMs, Math.max(intervalMs, 1000)));
    const page = await readPage(url, AbortSignal.any([signal, timeout])).catch((error: Error) => error);
    if (signal.aborted) return;
    const isUp = typeof page === 'string';
    take(isUp ? [...readScrape(page, target), upSample(true, target)] : [upSample(false, target)], atMs);
    if (wasUp !== isUp) report(isUp ? `scraping ${url}` : `cannot scrape ${url}: ${page.message}`);
    wasUp = isUp;
    await delay(Math.max(0, atMs + intervalMs - Date.now()), undefined, { signal }).catch(() => {});
  }
}

async function readPage(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal }).catch((error: Error & { cause?: Error }) => {
    throw error.cause?.message ? error.cause : error;
  });
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > largestPageBytes) throw new Error(`its page is larger than ${largestPageBytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return Buffer.concat(chunks).toString();
}
