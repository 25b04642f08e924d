import { readFileSync } from 'node:fs';
import { ConfigError } from './read-config.ts';
import type { Parsed } from './variables.ts';

/** What was read from the file that a variable names, and how to read it again. */
export interface NamedFile<T> {
  readonly variable: string;
  readonly path: string;
  readonly parse: (text: string) => Parsed<T>;
  readonly text: string;
  readonly value: T;
}

/**
 * The text of the file that a variable names.
 * @throws {ConfigError} naming the variable, when it cannot be read.
 */
export function readNamedText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${variable} must name a file that can be read: ${(error as Error).message}`]);
  }
}

/** @throws {ConfigError} naming the variable, when the file cannot be read or holds what it must not. */
export function readNamedFile<T>(variable: string, path: string, parse: (text: string) => Parsed<T>): NamedFile<T> {
  const text = readNamedText(variable, path);
  const parsed = parse(text);
  if ('fault' in parsed) throw new ConfigError([`${variable}: ${path} ${parsed.fault}`]);
  return { variable, path, parse, text, value: parsed.value };
}
