import { readFileSync } from 'node:fs';
import { ConfigError } from './read-config.ts';

/**
 * The text of the file that a variable names.
 * @throws {ConfigError} naming the variable, when it cannot be read.
 */
export function readNamedFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${variable} must name a file that can be read: ${(error as Error).message}`]);
  }
}
