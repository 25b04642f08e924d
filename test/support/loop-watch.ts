import { fileURLToPath } from 'node:url';

/**
 * Loaded into a service by `--import`: says on standard output how long one turn of the event loop has held it, each time that is longer than
 * before. What counts is the thread's CPU time, since a machine that is busy with others delays every loop. SIGUSR2 begins anew.
 */
const lookEveryMs = 5;
const mark = 'event loop held for';

/** The variable that loads this file into a Node process. */
export const watchedLoop: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${fileURLToPath(import.meta.url)}?watch`,
};

/** The longest turn in milliseconds that a watched process has told since it last began anew; 0 where it has told none. */
export function longestTurnMs(output: string): number {
  const since = output.slice(output.lastIndexOf(`${mark} 0`) + 1);
  return Math.max(0, ...[...since.matchAll(new RegExp(`${mark} (\\d+) ms`, 'g'))].map(([, ms]) => Number(ms)));
}

if (import.meta.url.endsWith('?watch')) watch();

function watch(): void {
  let longestMs = 0;
  let before = performance.now();
  let cpuBefore = process.threadCpuUsage();
  process.on('SIGUSR2', () => {
    longestMs = 0;
    process.stdout.write(`${mark} 0 ms\n`);
  });
  setInterval(() => {
    const now = performance.now();
    const { user, system } = process.threadCpuUsage(cpuBefore);
    const heldMs = Math.min(now - before - lookEveryMs, (user + system) / 1000);
    if (heldMs > longestMs + 1) {
      longestMs = heldMs;
      process.stdout.write(`${mark} ${Math.ceil(heldMs)} ms\n`);
    }
    before = performance.now();
    cpuBefore = process.threadCpuUsage();
  }, lookEveryMs).unref();
}
