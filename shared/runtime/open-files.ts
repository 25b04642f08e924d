import { readFileSync } from 'node:fs';

/** How many files and connections this process may have open; undefined where the system does not tell it, or does not limit it. */
export function openFilesLimit(): number | undefined {
  try {
    return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads the soft limit. Source: proc_pid_limits(5). */
export function parseOpenFilesLimit(text: string): number | undefined {
  const limit = /^Max open files +(\d+)/m.exec(text)?.[1];
  return limit === undefined ? undefined : Number(limit);
}
