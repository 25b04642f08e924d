import { readFileSync } from 'node:fs';

/** How many files and connections this process may have open; undefined where the system does not tell it, or does not limit it. */
export function openFilesLimit(): number | undefined {
  try {
    return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Files and connections that a service has for itself: its log, its event loop, what it asks of others. Derived: some dozens, and one for each
 * endpoint's reading.
 */
const ownFiles = 64;

/**
 * How many clients a service may be connected with: each may need a second connection, to what stands behind. Half of what the process may
 * have open beside its own, at least 1; undefined where that is not limited.
 */
export function mostClientConnections(filesLimit: number | undefined): number | undefined {
  return filesLimit === undefined ? undefined : Math.max(1, Math.floor((filesLimit - ownFiles) / 2));
}

/** Reads the soft limit. Source: proc_pid_limits(5). */
export function parseOpenFilesLimit(text: string): number | undefined {
  const limit = /^Max open files +(\d+)/m.exec(text)?.[1];
  return limit === undefined ? undefined : Number(limit);
}
