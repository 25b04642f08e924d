import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withReferences } from './references.ts';

/** Writes the README's configuration tables from the services' schemas. */
const readme = resolve(import.meta.dirname, '../../README.md');
await writeFile(readme, withReferences(await readFile(readme, 'utf8')));
