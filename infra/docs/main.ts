import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withReferences } from './references.ts';

/** Writes the README's tables of variables and metrics from the code. */
const readme = resolve(import.meta.dirname, '../../README.md');
await writeFile(readme, withReferences(await readFile(readme, 'utf8')));
