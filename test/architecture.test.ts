import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const files = ['functions', 'gateway', 'shared', 'infra', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

const longestFile = 300;
const mayImport: Readonly<Record<string, readonly string[]>> = {
  functions: ['functions', 'shared'],
  gateway: ['gateway', 'shared'],
  shared: ['shared'],
  infra: ['infra', 'shared'],
};
const pureRooms = [
  'gateway/admit',
  'gateway/queue',
  'gateway/choose',
  'gateway/endpoint',
  'functions/processor/message',
  'shared/pubsub',
  'functions/processor/dispatch',
];
const impure = [
  { name: 'node: modules', pattern: /from '(node:|@google-cloud|got|fastify|undici|pino|prom-client)/ },
  {
    name: 'the clock',
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(Timeout|Interval|Immediate)\(/,
  },
  { name: 'randomness', pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/ },
  { name: 'the environment', pattern: /\bprocess\./ },
];

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(10);
});

test('folders import only what they may', () => {
  const forbidden = imports().filter(({ from, to }) => {
    const allowed = mayImport[top(from)];
    return allowed !== undefined && !allowed.includes(top(to)) && !isReference(from, to);
  });
  expect(forbidden).toEqual([]);
});

test('rooms of rules touch no clock, chance, environment or network', () => {
  const faults = files.filter(isInPureRoom).flatMap((file) => {
    const source = withoutComments(readFileSync(join(root, file), 'utf8'));
    return impure.filter(({ pattern }) => pattern.test(source)).map(({ name }) => `${file}: ${name}`);
  });
  expect(faults).toEqual([]);
});

test('packages are loaded late through a module of ours', () => {
  // A bundle gives the dynamic import of a CommonJS package nothing but a default.
  const late = files.filter((file) => ['functions', 'gateway', 'shared'].includes(top(file)));
  const faults = late.filter((file) => /\bimport\(\s*'[^.]/.test(readFileSync(join(root, file), 'utf8')));
  expect(faults).toEqual([]);
});

test(`no file is longer than ${longestFile} lines`, () => {
  const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > longestFile + 1);
  expect(long).toEqual([]);
});

test('no file is called after nothing', () => {
  expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|manager|types)\.ts$/.test(file))).toEqual([]);
});

function imports(): { from: string; to: string }[] {
  return files.flatMap((from) =>
    [...readFileSync(join(root, from), 'utf8').matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map((match) => ({
      from,
      to: relative(root, resolve(root, dirname(from), match[1] ?? '')),
    })),
  );
}

function isInPureRoom(file: string): boolean {
  return pureRooms.some((room) => file.startsWith(`${room}/`));
}

/** The README's references are printed from the services' own definitions. */
function isReference(from: string, to: string): boolean {
  const definitions = /^((functions\/processor|gateway)\/config|gateway\/observe\/metric-definitions)\.ts$/;
  return from.startsWith('infra/docs/') && definitions.test(to);
}

function top(file: string): string {
  return file.split('/')[0] ?? '';
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
}
