import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where the parts of a running `npm start` are: base URLs. */
export interface LocalStack {
  readonly pubsub: string;
  readonly gateway: string;
  readonly function: string;
  readonly monitoring: string;
  readonly projectId: string;
  /** `STORE` of the function. */
  readonly store: string;
}

const root = resolve(import.meta.dirname, '../..');
const announcement = join(root, 'node_modules/.cache/backfill/stack.json');

/**
 * Lets commands find the stack that runs in this tree; of several, the one that started last.
 * @returns takes the announcement back, unless another stack has replaced it
 */
export function announceStack(stack: LocalStack, file = announcement): () => void {
  const text = JSON.stringify(stack);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return () => {
    if (read(file) === text) rmSync(file);
  };
}

/** The stack that announced itself. One that was killed is still announced, and answers no more. */
export function findStack(file = announcement): LocalStack | undefined {
  const text = read(file);
  return text === undefined ? undefined : (JSON.parse(text) as LocalStack);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
