import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import GithubSlugger from 'github-slugger';
import { lexer, type Token, walkTokens } from 'marked';

export const root = resolve(import.meta.dirname, '../..');

export interface MarkdownPage {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  /** As GitHub names the page's headings. */
  readonly anchors: ReadonlySet<string>;
  /** As written. */
  readonly links: readonly string[];
  readonly codeBlocks: readonly CodeBlock[];
}

export interface CodeBlock {
  /** All that follows the opening fence, such as `sh run`. */
  readonly info: string;
  readonly text: string;
}

/** Where a link of a page leads: a path from the project's root, and an anchor there, empty without one. */
export interface LinkTarget {
  readonly path: string;
  readonly anchor: string;
}

/** README, CONTRIBUTING and every page of docs/, by their paths. */
export function readPages(): ReadonlyMap<string, MarkdownPage> {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return new Map(['README.md', 'CONTRIBUTING.md', ...inDocs].map((path) => [path, readPage(path)]));
}

/** Undefined for a link that leads to the web. */
export function linkTarget(page: string, link: string): LinkTarget | undefined {
  if (/^[a-z]+:/i.test(link)) return undefined;
  const [path = '', anchor = ''] = link.split('#');
  return { path: path === '' ? page : join(dirname(page), path), anchor };
}

function readPage(path: string): MarkdownPage {
  return { path, ...parsePage(readFileSync(join(root, path), 'utf8')) };
}

export function parsePage(text: string): Omit<MarkdownPage, 'path'> {
  const slugger = new GithubSlugger();
  const anchors = new Set<string>();
  const links: string[] = [];
  const codeBlocks: CodeBlock[] = [];
  walkTokens(lexer(text), (token) => {
    if (token.type === 'heading') anchors.add(slugger.slug(plainText(token)));
    else if (token.type === 'link' || token.type === 'image') links.push(token.href);
    else if (token.type === 'code') codeBlocks.push({ info: token.lang ?? '', text: token.text });
  });
  return { text, anchors, links, codeBlocks };
}

/** Of a heading, without marks of emphasis, code or links. */
function plainText(token: Token): string {
  if ('tokens' in token && token.tokens) return token.tokens.map(plainText).join('');
  return 'text' in token ? String(token.text) : token.raw;
}
