import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `npm run bench -- NAME…`: runs `NAME.bench.ts`, and all whose names begin with `NAME-`. */
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''))
  .sort();
const wanted = process.argv.slice(2);
const isAsked = wanted.includes('--help');
const chosen = names.filter((name) => wanted.some((each) => name === each || name.startsWith(`${each}-`)));

if (isAsked || chosen.length === 0) {
  const usage =
    'Ratios to named peers, measured in the same run.\n\nUsage: npm run bench -- NAME…, where NAME is one of:\n';
  (isAsked ? process.stdout : process.stderr).write(`${usage}  ${names.join('\n  ')}\n`);
  process.exit(isAsked ? 0 : 2);
}
for (const name of chosen) {
  const { run } = (await import(join(import.meta.dirname, `${name}.bench.ts`))) as { run: () => Promise<void> };
  await run();
}
