import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readablePath } from '../../../shared/runtime/config/paths.ts';

export interface RequestLine {
  /** From 1. */
  readonly number: number;
  /** The line's own bytes. */
  readonly data: Buffer;
  /** Names the request by its text; the same text again is another request. */
  readonly key: string;
}

const newline = 0x0a;
/** Pub/Sub takes 10,000,000 bytes a message with its attributes. */
const largestLineBytes = 9_990_000;
const mostFaultsShown = 20;

/** Every line that is not blank, with its exact bytes. */
export async function* readRequestLines(file: string): AsyncGenerator<RequestLine> {
  const seen = new Map<string, number>();
  let number = 0;
  for await (const data of splitLines(file)) {
    number += 1;
    if (data.toString('latin1').trim() === '') continue;
    const hash = createHash('sha256').update(data).digest('hex').slice(0, 20);
    const repeat = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, repeat);
    yield { number, data, key: `${hash}-${repeat}` };
  }
}

/**
 * Looks at the whole file before anything of it is sent.
 * @returns the key of every request
 * @throws {Error} that says why the file cannot be read, or lists the lines which cannot be requests
 */
export async function checkRequests(file: string): Promise<string[]> {
  const path = readablePath(file);
  if ('fault' in path) throw new Error(`FILE ${path.fault}, not ${file}`);
  const keys: string[] = [];
  const faults: string[] = [];
  for await (const { number, data, key } of readRequestLines(file)) {
    const fault = lineFault(data);
    if (fault) faults.push(`line ${number} ${fault}`);
    keys.push(key);
  }
  if (faults.length > 0) {
    const unseen = faults.length - mostFaultsShown;
    const shown = faults.slice(0, mostFaultsShown).join('\n  ');
    throw new Error(`nothing was sent:\n  ${shown}${unseen > 0 ? `\n  and ${unseen} more` : ''}`);
  }
  if (keys.length === 0) throw new Error('the file holds no request');
  return keys;
}

function lineFault(data: Buffer): string | undefined {
  if (data.length > largestLineBytes)
    return `has ${data.length} bytes, more than the ${largestLineBytes} that fit a message`;
  try {
    JSON.parse(data.toString());
    return undefined;
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
}

/** Splits at newlines alone: JSON text may hold every other separator. */
async function* splitLines(file: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      yield withoutReturn(Buffer.concat([rest, chunk.subarray(begin, end)]));
      rest = Buffer.alloc(0);
      begin = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(begin)]);
  }
  if (rest.length > 0) yield withoutReturn(rest);
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}
