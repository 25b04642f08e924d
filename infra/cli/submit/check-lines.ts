import { statSync } from 'node:fs';
import type { Attributes } from '../../../shared/pubsub/message-attributes.ts';
import { maxMessageBytes, messageBytes } from '../../../shared/pubsub/outgoing-message.ts';
import { readablePath } from '../../../shared/runtime/config/paths.ts';
import { printable } from '../terminal/printable.ts';
import { type RequestLine, readRequestLines } from './request-lines.ts';

/** What the function would make of a message with this data and these attributes. */
export type RequestDecoder = (data: Uint8Array, attributes: Attributes) => DecodedLine;

/** A line as the function will read it, or why it cannot. */
export type DecodedLine =
  | {
      /** Empty when the message brings none. */
      readonly id: string;
      readonly endpoint: string;
      readonly model: string;
    }
  | { readonly invalid: string };

/** A line that may be sent. */
export interface CheckedLine {
  readonly hash: string;
  /** Whether the request has an id of its own. */
  readonly bringsId: boolean;
}

/** What every message of a submission says by attribute. */
export interface SubmissionTerms {
  readonly job: string;
  /** As it is written; undefined leaves the deadline to the lines. */
  readonly window: string | undefined;
}

/** A file of which every line may be sent. */
export interface CheckedFile {
  /** By line number, in the order of the file. */
  readonly lines: ReadonlyMap<number, CheckedLine>;
  /** How many requests go to an endpoint for a model: `/v1/embeddings of model e` → 10. */
  readonly kinds: ReadonlyMap<string, number>;
}

const mostFaultsShown = 20;

/**
 * Looks at the whole file before anything of it is sent, with the decoder that will read it.
 * @throws {Error} that says why the file cannot be read, or lists the lines that cannot be requests, each with its reason
 */
export async function checkLines(file: string, terms: SubmissionTerms, decode: RequestDecoder): Promise<CheckedFile> {
  const path = readablePath(file);
  if ('fault' in path) throw new Error(`FILE ${path.fault}, not ${file}`);
  if (!statSync(file).isFile()) throw new Error(`FILE must be a plain file, because it is read twice, not ${file}`);
  const lines = new Map<number, CheckedLine>();
  const kinds = new Map<string, number>();
  const faults: string[] = [];
  let faulty = 0;
  for await (const line of readRequestLines(file)) {
    const checked = checkLine(line, terms, decode);
    if ('fault' in checked) {
      faulty += 1;
      if (faulty <= mostFaultsShown) faults.push(`line ${line.number} ${checked.fault}`);
    } else {
      lines.set(line.number, { hash: line.hash, bringsId: checked.bringsId });
      kinds.set(checked.kind, (kinds.get(checked.kind) ?? 0) + 1);
    }
  }
  if (faulty > 0) {
    const unseen = faulty > mostFaultsShown ? `\n  and ${faulty - mostFaultsShown} more` : '';
    throw new Error(`nothing was sent:\n  ${faults.join('\n  ')}${unseen}`);
  }
  if (lines.size === 0) throw new Error(`${file} holds no request`);
  return { lines, kinds };
}

/** The attributes with which a line is published. A request without an id of its own gets one, by which its result can be told. */
export function attributesOf({ job, window }: SubmissionTerms, line: number, bringsId: boolean): Attributes {
  return { job, ...(window === undefined ? {} : { window }), ...(bringsId ? {} : { id: `${job}-${line}` }) };
}

function checkLine(
  { number, data, sizeBytes }: RequestLine,
  terms: SubmissionTerms,
  decode: RequestDecoder,
): { readonly bringsId: boolean; readonly kind: string } | { readonly fault: string } {
  if (!data) return { fault: tooLarge(sizeBytes) };
  const decoded = decode(data, attributesOf(terms, number, true));
  if ('invalid' in decoded) return { fault: jsonFault(data) ?? `is no request: ${printable(decoded.invalid)}` };
  const bringsId = decoded.id !== '';
  const withAttributes = messageBytes(data, attributesOf(terms, number, bringsId));
  if (withAttributes > maxMessageBytes) return { fault: tooLarge(withAttributes) };
  const model = decoded.model === '' ? '' : ` of model ${printable(decoded.model, 60)}`;
  return { bringsId, kind: `${decoded.endpoint}${model}` };
}

function tooLarge(sizeBytes: number): string {
  return `has ${sizeBytes} bytes, more than the ${maxMessageBytes} that a message and its attributes may have`;
}

/** Says where JSON breaks, which the decoder does not. */
function jsonFault(data: Buffer): string | undefined {
  try {
    JSON.parse(data.toString());
    return undefined;
  } catch (error) {
    return `is no JSON: ${printable((error as Error).message)}`;
  }
}
