import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linkTarget, parsePage, readPages, root } from '../support/markdown-page.ts';

const pages = readPages();
const longestReadme = 150;

describe('a page is read as GitHub shows it', () => {
  test.each([
    ['code and punctuation', "## 2. The engine's `--max-tokens`", '2-the-engines---max-tokens'],
    ['a colon', '## B: the function before our gateway', 'b-the-function-before-our-gateway'],
    ['the second of two alike', '# Same\n\n# Same', 'same-1'],
    ['a link', '## [Way A](a.md) it is', 'way-a-it-is'],
  ])('anchor of a heading with %s', (_name, text, anchor) => {
    expect([...parsePage(text).anchors]).toContain(anchor);
  });

  test('links in tables and lists are found, those in code are not', () => {
    const text = '| [a](a.md) |\n|---|\n| [b](b.md#x) |\n\n- [c](#c)\n\n`[d](d.md)`\n\n```\n[e](e.md)\n```\n';
    expect(parsePage(text).links).toEqual(['a.md', 'b.md#x', '#c']);
  });
});

test.each([...pages.keys()])('every link of %s leads somewhere', (path) => {
  const broken = pages.get(path)!.links.filter((link) => {
    const target = linkTarget(path, link);
    if (!target) return false;
    if (!existsSync(join(root, target.path))) return true;
    return target.anchor !== '' && !pages.get(target.path)?.anchors.has(target.anchor);
  });
  expect(broken).toEqual([]);
});

test('every page is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) {
    for (const link of pages.get(path)?.links ?? []) {
      const target = linkTarget(path, link);
      if (target && pages.has(target.path)) reached.add(target.path);
    }
  }
  expect([...pages.keys()].filter((path) => !reached.has(path))).toEqual([]);
});

test(`the README is a front door of at most ${longestReadme} lines`, () => {
  expect(pages.get('README.md')!.text.trimEnd().split('\n').length).toBeLessThanOrEqual(longestReadme);
});

describe('commands that pages name', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = (pattern: RegExp) =>
    [...pages.values()].flatMap(({ path, text }) =>
      [...text.matchAll(pattern)].map(([, name = '']) => ({ path, name })),
    );

  test('every `npm run …` is there', () => {
    const unknown = named(/\bnpm run ([a-z][\w:-]*)/g).filter(({ name }) => !(name in scripts));
    expect(unknown).toEqual([]);
  });

  test.each([
    ['simulation', /\bnpm run sim -- ([a-z-]+)/g, (name: string) => `test/sim/${name}.sim.ts`],
    ['benchmark', /\bnpm run bench -- ([a-z-]+)/g, (name: string) => `test/bench/${name}.bench.ts`],
    ['long run', /\bnpm run test:long -- ([a-z-]+)/g, (name: string) => `test/long/${name}.long.ts`],
  ])('every %s is there', (_kind, pattern, fileOf) => {
    const found = named(pattern);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(({ name }) => !existsSync(join(root, fileOf(name))))).toEqual([]);
  });

  test('`npm run dev` watches folders that are there', () => {
    const watched = [...(scripts.dev ?? '').matchAll(/--watch-path=(\S+)/g)].map(([, folder = '']) => folder);
    expect(watched.length).toBeGreaterThan(0);
    expect(watched.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
  });
});
