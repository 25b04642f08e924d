import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { generatedPages, withReferences } from './references.ts';

const about = 'Writes the tables of variables, metrics and retries in docs/ from the code.';
readCommandLine({ usage: 'npm run docs --', about, flags: {} }, process.argv.slice(2));
for (const page of generatedPages) {
  const path = resolve(import.meta.dirname, '../..', page);
  await writeFile(path, withReferences(page, await readFile(path, 'utf8')));
}
