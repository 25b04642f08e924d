import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { withReferences } from './references.ts';

const about = 'Writes the README’s tables of variables and metrics from the code.';
readCommandLine({ usage: 'npm run docs --', about, flags: {} }, process.argv.slice(2));
const readme = resolve(import.meta.dirname, '../../README.md');
await writeFile(readme, withReferences(await readFile(readme, 'utf8')));
