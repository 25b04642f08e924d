import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/** Bytes that are in use once everything is collected that can be, buffers included. */
export function retainedBytes(): number {
  // Buffers are freed by the collection after the one that finds them unused.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const inUse = 64;
const uses = 8000;
const textBytes = 20_000;
const usesBetweenScavenges = 500;

/**
 * The share of what was in use that scavenges still hold when it is no longer, between 0 and 1. `use` is handed a text to hold until what it
 * returns is called. V8 scavenges all the time and takes for alive whatever old memory points to, used or not.
 */
export async function keptByScavenges(use: (text: string) => () => unknown): Promise<number> {
  const ends: (() => unknown)[] = [];
  let used = 0;
  const useTexts = async (count: number): Promise<void> => {
    for (const until = used + count; used < until; used += 1) {
      ends.push(use(Buffer.alloc(textBytes, `${used} `).toString('latin1')));
      if (ends.length > inUse) await ends.shift()!();
      if (used % usesBetweenScavenges === 0) collectGarbage({ type: 'minor' });
    }
  };
  await useTexts(uses / 4);
  // What is in use now is old memory from here on.
  const before = retainedBytes();
  await useTexts(uses);
  // The second one lets go of what the first one has moved.
  collectGarbage({ type: 'minor' });
  collectGarbage({ type: 'minor' });
  return (process.memoryUsage().heapUsed - before) / (uses * textBytes);
}
