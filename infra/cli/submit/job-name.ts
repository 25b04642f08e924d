import { basename } from 'node:path';

/**
 * The name of a submission, told to people and part of a subscription's: like the file, and with `random` hexadecimal digits, of which
 * twelve make it unlike any other.
 */
export function jobName(file: string, random: string): string {
  const name = basename(file)
    .replace(/\.(jsonl?|ndjson)$/i, '')
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${name === '' ? 'file' : name}-${random.replaceAll('-', '').slice(0, 12)}`;
}
