import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const folders = ['functions', 'gateway', 'shared', 'infra', 'test'];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

const longestFile = 300;
const run = promisify(execFile);
const trees: string[] = [];

afterAll(() => {
  for (const tree of trees) rmSync(tree, { recursive: true });
});

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(10);
});

test('one place opens attempts, and one place of the tests', () => {
  const opening = files.filter((file) => /\bAttempt\.open\(/.test(readFileSync(join(root, file), 'utf8')));
  expect(opening).toEqual(['gateway/routed-request.ts', 'test/support/attempts.ts']);
});

test('packages are loaded late through a module of ours', () => {
  // A bundle gives the dynamic import of a CommonJS package nothing but a default.
  const late = files.filter((file) => /^(functions|gateway|shared)\//.test(file));
  const faults = late.filter((file) => /\bimport\(\s*'[^.]/.test(readFileSync(join(root, file), 'utf8')));
  expect(faults).toEqual([]);
});

test(`no file is longer than ${longestFile} lines`, () => {
  const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > longestFile + 1);
  expect(long).toEqual([]);
});

test('every number with a name says what it is: protocol, derived, learned or measured', () => {
  const deployed = files.filter((file) => /^(functions|gateway|shared)\//.test(file));
  const faults = deployed.flatMap((file) => {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    return lines.flatMap((line, index) => {
      // A number, or several as a list or an object; names of characters and statuses say what they are.
      const [, name] = /^(?:export )?const (\w+)(?:: [^=]+)? = [-([{ \w:]*\d[^'"`>]*[;[]$/.exec(line) ?? [];
      if (!name || /^(status|no[A-Z]|nothing|usualSlowness|alone|termIndex)/.test(name)) return [];
      const from = lines.slice(0, index).findLastIndex((above) => !/^( ?\*|\/\*\*|\/\/)/.test(above)) + 1;
      const said = /\b(Protocol|Derived|Learned|Measured|Source)\b/.test(lines.slice(from, index).join(' '));
      return said ? [] : [`${file}:${index + 1} ${name}`];
    });
  });
  expect(faults).toEqual([]);
});

test('every export outside of the tests has a docstring', () => {
  const faults = files
    .filter((file) => !file.startsWith('test/'))
    .flatMap((file) => {
      const lines = readFileSync(join(root, file), 'utf8').split('\n');
      return lines.flatMap((line, index) => {
        const [, name] =
          /^export (?:async )?(?:function|class|interface|type|const|abstract class) (\w+)/.exec(line) ?? [];
        return name && !lines[index - 1]?.endsWith('*/') ? [`${file}:${index + 1} ${name}`] : [];
      });
    });
  expect(faults).toEqual([]);
});

test('no file is called after nothing', () => {
  expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|manager|types)\.ts$/.test(file))).toEqual([]);
});

test('a circle fails the check, of types too, and one through a late import', async () => {
  const tree = treeOf({
    'shared/openai/one.ts': ['./two.ts'],
    'shared/openai/two.ts': ['./one.ts'],
    'gateway/queue/types-a.ts': "import type { B } from './types-b.ts';\nexport type A = B | 1;\n",
    'gateway/queue/types-b.ts': "import { type A } from './types-a.ts';\nexport type B = A | 2;\n",
    'functions/processor/early.ts': "export const late = () => import('./late.ts');\n",
    'functions/processor/late.ts': ['./early.ts'],
  });
  expect(await violations(tree)).toEqual([
    'no-circle: functions/processor/early.ts → functions/processor/late.ts',
    'no-circle: gateway/queue/types-a.ts → gateway/queue/types-b.ts',
    'no-circle: shared/openai/one.ts → shared/openai/two.ts',
  ]);
});

test('every forbidden arrow fails the check, and no other', async () => {
  const forbidden: readonly [rule: string, from: string, to: string][] = [
    ['services-apart', 'functions/processor/call/a.ts', 'gateway/refusal.ts'],
    ['services-apart', 'gateway/choose/a.ts', 'functions/processor/message/request.ts'],
    ['shared-imports-shared', 'shared/openai/b.ts', 'gateway/refusal.ts'],
    ['services-import-no-tool', 'gateway/discovery/c.ts', 'infra/cli/tool.ts'],
    ['services-import-no-tool', 'functions/processor/d.ts', 'test/support/poll.ts'],
    ['infra-imports-shared', 'infra/local/e.ts', 'gateway/config.ts'],
    ['infra-imports-shared', 'infra/cli/e.ts', 'test/support/poll.ts'],
    ['deployment-imports-the-reader', 'infra/gcp/function-settings.ts', 'functions/processor/service.ts'],
    ['docs-import-definitions', 'infra/docs/f.ts', 'gateway/router.ts'],
    ['observe-only-looks', 'gateway/router.ts', 'gateway/observe/metrics.ts'],
    ['observe-only-looks', 'gateway/fronts/http/g.ts', 'gateway/observe/metrics.ts'],
    ['observe-only-looks', 'gateway/endpoint/g.ts', 'gateway/observe/metrics.ts'],
    ['fronts-use-the-router', 'gateway/fronts/http/h.ts', 'gateway/queue/queue.ts'],
    ['fronts-use-the-router', 'gateway/fronts/ext-proc/h.ts', 'gateway/choose/chooser.ts'],
    ['router-holds-no-http', 'gateway/router.ts', 'gateway/fronts/http/app.ts'],
    ['stages-below-the-router', 'gateway/queue/i.ts', 'gateway/gateway.ts'],
    ['stages-below-the-router', 'gateway/choose/i.ts', 'gateway/fronts/http/app.ts'],
    ['stages-apart', 'gateway/queue/j.ts', 'gateway/choose/chooser.ts'],
    ['stages-apart', 'gateway/choose/policies/j.ts', 'gateway/queue/queue.ts'],
    ['endpoint-below-the-stages', 'gateway/endpoint/capacity/k.ts', 'gateway/queue/queue.ts'],
    ['discovery-feeds-the-pool', 'gateway/discovery/l.ts', 'gateway/queue/queue.ts'],
    ['words-below-the-stages', 'gateway/request.ts', 'gateway/choose/chooser.ts'],
    ['simulation-uses-the-router', 'test/sim/q.ts', 'gateway/endpoint/endpoint.ts'],
    ['simulation-uses-the-router', 'test/sim/q.ts', 'gateway/queue/queue.ts'],
    ['rules-touch-no-system', 'gateway/admit/m.ts', 'node:fs'],
    ['rules-touch-no-system', 'shared/pubsub/m.ts', 'node:crypto'],
    ['rules-touch-no-system', 'functions/processor/results/retry.ts', 'node:crypto'],
    ['rules-use-no-io-package', 'functions/processor/dispatch/n.ts', 'undici'],
    ['deployed-packages-are-declared', 'shared/runtime/p.ts', 'fast-check'],
    ['every-import-is-found', 'shared/pubsub/o.ts', './nowhere.ts'],
  ];
  const allowed: readonly [from: string, to: string][] = [
    ['functions/processor/call/z.ts', 'shared/runtime/clock.ts'],
    ['gateway/gateway.ts', 'gateway/observe/metrics.ts'],
    ['gateway/observe/z.ts', 'gateway/router.ts'],
    ['gateway/router.ts', 'gateway/queue/queue.ts'],
    ['gateway/fronts/http/z.ts', 'gateway/router.ts'],
    ['gateway/queue/z.ts', 'gateway/endpoint/endpoint.ts'],
    ['gateway/choose/z.ts', 'gateway/endpoint/endpoint.ts'],
    ['gateway/discovery/z.ts', 'gateway/endpoint/endpoint.ts'],
    ['gateway/fronts/http/z.ts', 'undici'],
    ['functions/processor/dispatch/z.ts', 'lru-cache'],
    ['functions/processor/results/publisher.ts', 'node:timers'],
    ['infra/docs/z.ts', 'gateway/observe/metric-definitions.ts'],
    ['infra/docs/z.ts', 'functions/processor/config.ts'],
    ['infra/docs/z.ts', 'functions/processor/results/retry.ts'],
    ['test/sim/z.ts', 'gateway/router.ts'],
    ['test/sim/z.ts', 'gateway/choose/policies/policies.ts'],
    ['test/z.ts', 'gateway/queue/queue.ts'],
    ['test/z.ts', 'infra/cli/tool.ts'],
  ];
  const imports: Record<string, string[]> = {};
  for (const [from, to] of [...forbidden.map(([, from, to]) => [from, to] as const), ...allowed]) {
    imports[from] ??= [];
    imports[from].push(to);
    if (to.endsWith('.ts') && !to.startsWith('.')) imports[to] ??= [];
  }
  const found = await violations(treeOf(imports));
  expect(found).toEqual(forbidden.map(([rule, from, to]) => `${rule}: ${from} → ${to.replace('node:', '')}`).sort());
});

test('a rule that reads a clock, draws chance or starts something fails the check', async () => {
  const impure = [
    'Date.now()',
    'new Date()',
    '[1].map(Math.random)',
    'performance.now()',
    'process.env.X',
    'crypto.randomUUID()',
    'setTimeout(() => {}, 1)',
    'setInterval(() => {}, 1)',
  ];
  const pure = ['new Date(5).toISOString()', 'Date.parse("x")', 'Math.max(1, 2)', 'clock.now()'];
  const rules = [
    'gateway/admit/a.ts',
    'gateway/queue/a.ts',
    'gateway/choose/policies/a.ts',
    'gateway/endpoint/health/a.ts',
    'gateway/request.ts',
    'gateway/refusal.ts',
    'gateway/slo.ts',
    'gateway/work-class.ts',
    'gateway/router.ts',
    'gateway/routed-request.ts',
    'shared/pubsub/a.ts',
    'functions/processor/message/a.ts',
    'functions/processor/dispatch/a.ts',
    'functions/processor/results/retry.ts',
  ];
  const written = `declare const clock: { now(): number };\n${[...impure, ...pure].map((use) => `export default ${use};\n`).join('')}`;
  const others = [
    'gateway/main.ts',
    'gateway/fronts/http/a.ts',
    'functions/processor/call/a.ts',
    'test/gateway/queue/a.ts',
  ];
  const tree = treeOf(Object.fromEntries([...rules, ...others].map((file) => [file, written])));
  const settings = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  writeFileSync(join(tree, 'biome.json'), JSON.stringify({ ...settings, vcs: { enabled: false } }));
  writeFileSync(join(tree, 'rules-are-pure.grit'), readFileSync(join(root, 'rules-are-pure.grit')));
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const { failed, output } = await outputOf(biome, ['lint', '--reporter=github', '--max-diagnostics=none', '.'], tree);
  const found = [...output.matchAll(/title=plugin,file=([^,]+),line=(\d+)/g)].map(
    ([, file = '', line]) => `${relative(tree, file)}:${line}`,
  );
  expect(failed).toBe(true);
  expect(found.sort()).toEqual(rules.flatMap((file) => impure.map((_, index) => `${file}:${index + 2}`)).sort());
});

/** A folder with these files: each a text, or what it imports from the tree's root, from packages, or from beside itself. */
function treeOf(contents: Readonly<Record<string, string | readonly string[]>>): string {
  const tree = realpathSync(mkdtempSync(join(tmpdir(), 'architecture-')));
  trees.push(tree);
  for (const name of ['undici', 'lru-cache', 'fast-check']) {
    write(join(tree, 'node_modules', name, 'package.json'), JSON.stringify({ name, main: 'index.js' }));
    write(join(tree, 'node_modules', name, 'index.js'), '');
  }
  const dependencies = { undici: '7.0.0', 'lru-cache': '11.0.0' };
  write(join(tree, 'package.json'), JSON.stringify({ dependencies, devDependencies: { 'fast-check': '4.0.0' } }));
  for (const folder of folders) mkdirSync(join(tree, folder), { recursive: true });
  for (const [file, content] of Object.entries(contents)) {
    const up = '../'.repeat(file.split('/').length - 1);
    const text =
      typeof content === 'string'
        ? content
        : content.map((to) => `import '${to.includes('/') && !to.startsWith('.') ? up + to : to}';\n`).join('');
    write(join(tree, file), text);
  }
  return tree;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What `npm run check` finds wrong with the imports of a tree, sorted; it fails when that is anything. */
async function violations(tree: string): Promise<string[]> {
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const { failed, output } = await outputOf(
    cruiser,
    ['--config', join(root, '.dependency-cruiser.mjs'), ...folders],
    tree,
  );
  const found = [...output.matchAll(/error ([\w-]+): (\S+) →\s+(\S+)/g)].map(
    ([, rule, from, to]) => `${rule}: ${from} → ${to?.replace(/^node_modules\/([^/]+)\/.*/, '$1')}`,
  );
  expect(failed).toBe(found.length > 0);
  return found.sort();
}

async function outputOf(program: string, args: readonly string[], cwd: string) {
  return run(process.execPath, [program, ...args], { cwd, maxBuffer: 2 ** 26 }).then(
    ({ stdout }) => ({ failed: false, output: stdout }),
    ({ stdout }: { stdout: string }) => ({ failed: true, output: stdout }),
  );
}
