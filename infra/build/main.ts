import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { keepMethods } from './keep-methods.ts';

/**
 * Writes the deployed form of both services to `dist/`: one bundle each, since a cold start pays for every module,
 * with a `package.json` that starts it and no dependency to install.
 */
const root = resolve(import.meta.dirname, '../..');
const about = 'Writes the deployed form of the function and of the gateway to dist/, anew.';
readCommandLine({ usage: 'npm run build --', about, flags: {} }, process.argv.slice(2));

const services = [
  {
    name: 'function',
    entries: ['functions/processor/main.ts', 'infra/build/warm-up.ts'],
    files: ['LICENSE'],
    // What Google's Node buildpack runs last, on the Node and at the path of the instances.
    scripts: { 'gcp-build': 'node warm-up.mjs' },
  },
  {
    name: 'gateway',
    // The second is a program that the first one runs.
    entries: ['gateway/main.ts', 'gateway/fronts/ext-proc/certificate-maker.ts'],
    files: ['LICENSE', 'gateway/observe/dashboard.html'],
    scripts: {},
  },
] as const;

/** An import of Node's own modules reads all they export, and so loads undici for `node:http`; this takes what is used. */
const builtins: Plugin = {
  name: 'builtins',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }));
  },
};

/**
 * Of the Google clients' descriptors, which they parse, resolve and encode again at the first call, what is called here; of their
 * generated message classes nothing: they only export them.
 */
const calledMethods: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  '@google-cloud/pubsub-api/build/protos/protos.json': { 'google.pubsub.v1.Publisher': ['Publish'] },
  '@google-cloud/monitoring/build/protos/protos.json': { 'google.monitoring.v3.MetricService': ['ListTimeSeries'] },
  'google-gax/build/protos/iam_service.json': { 'google.iam.v1.IAMPolicy': [] },
};
const descriptors: Plugin = {
  name: 'descriptors',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/build\/protos\/\w+\.json$/ }, async ({ path }) => {
      const kept = Object.entries(calledMethods).find(([file]) => path.endsWith(`node_modules/${file}`))?.[1];
      if (!kept) return undefined;
      const root = JSON.parse(await readFile(path, 'utf8'));
      return { loader: 'json', contents: JSON.stringify(keepMethods(root, kept)) };
    });
    onLoad({ filter: /\/build\/protos\/(protos|iam_service|locations|operations)\.js$/ }, () => ({ contents: '' }));
  },
};

for (const { name, entries, files, scripts } of services) {
  const folder = join(root, 'dist', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: entries.map((entry) => join(root, entry)),
    entryNames: '[name]',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    plugins: [builtins, descriptors],
    splitting: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    // For reading a stack trace afterwards: with --enable-source-maps Node would parse megabytes of them at every start.
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
  // The buildpack starts this line as it is; npm in between would cost each cold start a third of a second.
  await writeFile(join(folder, 'Procfile'), 'web: node main.mjs\n');
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest(name, scripts), null, 2)}\n`);
  for (const file of files) await cp(join(root, file), join(folder, basename(file)));
  const { size } = await stat(join(folder, 'main.mjs'));
  process.stdout.write(`dist/${name}/main.mjs ${Math.round(size / 1024)} KiB\n`);
}

function manifest(name: string, scripts: Readonly<Record<string, string>>) {
  return {
    name: `backfill-${name}`,
    private: true,
    type: 'module',
    engines: { node: '24.x' },
    scripts: { start: 'node main.mjs', ...scripts },
  };
}
