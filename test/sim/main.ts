import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `npm run sim -- NAME [flags]`: runs `NAME.sim.ts`. */
const [name = '', ...argv] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.sim.ts'))
  .map((file) => file.replace('.sim.ts', ''))
  .sort();

if (names.includes(name)) {
  const { run } = (await import(join(import.meta.dirname, `${name}.sim.ts`))) as {
    run: (argv: readonly string[]) => Promise<void>;
  };
  await run(argv);
} else {
  const isAsked = name === '--help';
  const usage = `Simulations on recorded traffic.\n\nUsage: npm run sim -- NAME [--help], where NAME is one of:\n`;
  (isAsked ? process.stdout : process.stderr).write(`${usage}  ${names.join('\n  ')}\n`);
  process.exitCode = isAsked ? 0 : 2;
}
