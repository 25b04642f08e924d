import type * as z from 'zod/mini';
import type { Parsed } from './variables.ts';

/** More faults than these are counted, not told. Derived: a screen's worth. */
const mostTold = 5;

/**
 * Reads a JSON text by a schema whose messages say what would be right: of the text as a whole, `must be a JSON array`; of one of
 * its entries, what to give it, `a whole number as priority`.
 */
export function readJson<T>(text: string, schema: z.ZodMiniType<T>): Parsed<T> {
  const json = parsed(text);
  const read = schema.safeParse(json);
  if (read.success) return { value: read.data };
  const faults = [...new Set(read.error.issues.map(sentenceOf))];
  const told = [...(json === undefined ? ['is not JSON'] : []), ...faults.slice(0, mostTold)].join(', ');
  return { fault: faults.length > mostTold ? `${told}, and ${faults.length - mostTold} more` : told };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sentenceOf({ path: [entry], message }: z.core.$ZodIssue): string {
  if (entry === undefined) return message;
  return `must give ${typeof entry === 'number' ? `entry ${entry}` : JSON.stringify(entry)} ${message}`;
}
