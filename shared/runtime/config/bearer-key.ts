import type { Parsed } from './variables.ts';

/** Reads a file that holds nothing but a bearer key; spaces and line ends around it do not count. */
export function parseBearerKey(text: string): Parsed<string> {
  const key = text.trim();
  return /^[\x21-\x7e]+$/.test(key) ? { value: key } : { fault: 'must hold one key of visible ASCII characters' };
}
