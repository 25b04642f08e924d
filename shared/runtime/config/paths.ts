import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Parsed } from './variables.ts';

/** For a variable that names a file to read. */
export function readablePath(raw: string): Parsed<string> {
  return isFile(raw, raw, constants.R_OK) ? { value: raw } : { fault: 'must name a file that can be read' };
}

/** For a variable that names a file to write, which need not be there yet; its folder must. */
export function writablePath(raw: string): Parsed<string> {
  const written = existsSync(raw) ? raw : dirname(raw);
  return isFile(raw, written, constants.W_OK)
    ? { value: raw }
    : { fault: 'must name a file that can be written, in a folder that is there' };
}

function isFile(path: string, accessed: string, mode: number): boolean {
  try {
    accessSync(accessed, mode);
    return !statSync(path, { throwIfNoEntry: false })?.isDirectory();
  } catch {
    return false;
  }
}
