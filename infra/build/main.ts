import { cp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/**
 * Writes the deployed form of both services to `dist/`: one bundle each, since a cold start pays for every module,
 * with a `package.json` that starts it and no dependency to install.
 */
const root = resolve(import.meta.dirname, '../..');

const services = [
  { name: 'function', entry: 'functions/main.ts' },
  { name: 'gateway', entry: 'gateway/main.ts' },
] as const;

for (const { name, entry } of services) {
  const folder = join(root, 'dist', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [join(root, entry)],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    legalComments: 'linked',
    // CommonJS packages inside an ES module bundle ask for these.
    banner: {
      js: [
        "import { createRequire as __createRequire } from 'node:module';",
        'const require = __createRequire(import.meta.url);',
        'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
      ].join(''),
    },
    logLevel: 'warning',
  });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest(name), null, 2)}\n`);
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const { size } = await stat(join(folder, 'main.mjs'));
  process.stdout.write(`dist/${name}/main.mjs ${Math.round(size / 1024)} KiB\n`);
}

function manifest(name: string) {
  return {
    name: `backfill-${name}`,
    private: true,
    type: 'module',
    engines: { node: '>=22' },
    scripts: { start: 'node --enable-source-maps main.mjs' },
  };
}
