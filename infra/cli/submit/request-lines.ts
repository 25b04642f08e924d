import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { maxMessageBytes } from '../../../shared/pubsub/outgoing-message.ts';

/** A line of the file that is not blank. */
export interface RequestLine {
  /** From 1; blank lines count. */
  readonly number: number;
  /** The line's own bytes; undefined when they are more than a message holds. */
  readonly data: Buffer | undefined;
  readonly sizeBytes: number;
  /** Tells a line that has changed. Empty without data. */
  readonly hash: string;
}

const newline = 0x0a;
const carriageReturn = 0x0d;

/** Every line of the file that is not blank. Holds one line at a time, and never more of one than a message may have. */
export async function* readRequestLines(file: string): AsyncGenerator<RequestLine> {
  let number = 0;
  for await (const { data, sizeBytes } of splitLines(file)) {
    number += 1;
    if (!data) yield { number, data, sizeBytes, hash: '' };
    else if (!isBlank(data)) yield { number, data, sizeBytes, hash: hashOf(data) };
  }
}

interface Line {
  readonly data: Buffer | undefined;
  readonly sizeBytes: number;
}

/** Splits at newlines alone: JSON text may hold every other separator. */
async function* splitLines(file: string): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  const add = (piece: Buffer) => {
    sizeBytes += piece.length;
    if (sizeBytes <= maxMessageBytes) pieces.push(piece);
    else pieces = [];
  };
  const take = (): Line => {
    const line = { data: sizeBytes <= maxMessageBytes ? withoutReturn(Buffer.concat(pieces)) : undefined, sizeBytes };
    pieces = [];
    sizeBytes = 0;
    return line;
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      add(chunk.subarray(begin, end));
      yield take();
      begin = end + 1;
    }
    add(chunk.subarray(begin));
  }
  if (sizeBytes > 0) yield take();
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === carriageReturn);
}

function hashOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 20);
}
