import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../shared/store/open-store.ts';
import { readStorePlace, type StorePlace } from '../../../shared/store/place.ts';
import { Changed, none, type Store } from '../../../shared/store/store.ts';
import { startStorageDouble } from '../../support/storage-double.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-store-'));
const double = await startStorageDouble();
const before = process.env.STORAGE_EMULATOR_HOST;
process.env.STORAGE_EMULATOR_HOST = double.url;
afterEach(() => double.fail(undefined));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  if (before === undefined) delete process.env.STORAGE_EMULATOR_HOST;
  else process.env.STORAGE_EMULATOR_HOST = before;
  await double.close();
});

const opened = async (raw: string): Promise<Store> => {
  const read = readStorePlace(raw);
  if ('fault' in read) throw new Error(read.fault);
  return openStore(read.value);
};
const places: [string, string][] = [
  ['a folder', `file:${folder}/new/store`],
  ['a bucket', 'gs://bucket'],
  ['a prefix of a bucket', 'gs://bucket/some/prefix/'],
];

describe.each(places)('%s', (_, raw) => {
  test('gives back what was stored, by name', async () => {
    const store = await opened(raw);
    expect(await store.read('absent', 10)).toBeUndefined();
    await store.write('results/one', Buffer.from('first'));
    await store.write('results/one', Buffer.from('second'));
    await store.write('results/two', new Uint8Array(0));
    const one = await store.read('results/one', 6);
    expect(Buffer.from(one!.data).toString()).toBe('second');
    expect((await store.read('results/two', 0))!.data).toHaveLength(0);
  });

  test('refuses to read more than is asked for', async () => {
    const store = await opened(raw);
    await store.write('large', Buffer.alloc(11));
    await expect(store.read('large', 10)).rejects.toThrow(/large holds .*more than 10/);
  });

  test('replaces only what a writer has seen', async () => {
    const store = await opened(raw);
    await store.write('document', Buffer.from('a'), none);
    await expect(store.write('document', Buffer.from('b'), none)).rejects.toThrow(Changed);
    const seen = await store.read('document', 10);
    await store.write('document', Buffer.from('c'), seen!.generation);
    await expect(store.write('document', Buffer.from('d'), seen!.generation)).rejects.toThrow(Changed);
    expect(Buffer.from((await store.read('document', 10))!.data).toString()).toBe('c');
  });

  test('of many writers at once, each of which adds to what it read, none loses anything', async () => {
    const store = await opened(raw);
    await store.write('count', Buffer.from('0'), none);
    const add = async (): Promise<void> => {
      for (;;) {
        const { data, generation } = (await store.read('count', 10))!;
        const next = Buffer.from(String(Number(Buffer.from(data).toString()) + 1));
        const isDone = await store.write('count', next, generation).then(
          () => true,
          (error: unknown) => {
            if (error instanceof Changed) return false;
            throw error;
          },
        );
        if (isDone) return;
      }
    };
    await Promise.all(Array.from({ length: 8 }, add));
    expect(Buffer.from((await store.read('count', 10))!.data).toString()).toBe('8');
  });
});

test('a folder holds nothing but its objects', async () => {
  const store = await opened(`file:${folder}/clean`);
  await Promise.all(['x', 'y'].map((text) => store.write('one', Buffer.from(text))));
  await store.write('two', Buffer.from('x'), none);
  expect(readdirSync(join(folder, 'clean')).sort()).toEqual(['one', 'two']);
});

test('where an object is, as it is told', async () => {
  expect((await opened('gs://bucket/p')).uriOf('a/b')).toBe('gs://bucket/p/a/b');
  expect((await opened(`file:${folder}`)).uriOf('a b')).toBe(`file://${folder}/a%20b`);
});

test('a folder that cannot be made is told at once', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(opened(`file:${folder}/file/store`)).rejects.toThrow('ENOTDIR');
});

test('a bucket that fails is an error, and no absence', async () => {
  const store = await opened('gs://bucket');
  double.fail(403);
  await expect(store.read('x', 10)).rejects.toThrow();
  await expect(store.write('x', Buffer.from('x'))).rejects.toThrow();
});

test.each<[string, string, StorePlace | undefined]>([
  ['a bucket', 'gs://my-bucket', { kind: 'gs', bucket: 'my-bucket', prefix: '' }],
  ['a bucket with a slash', 'gs://my-bucket/', { kind: 'gs', bucket: 'my-bucket', prefix: '' }],
  ['a prefix', 'gs://b.c/d/e/', { kind: 'gs', bucket: 'b.c', prefix: 'd/e/' }],
  ['a folder', 'file:/var/store', { kind: 'file', folder: '/var/store' }],
  ['a folder as a URL', 'file:///var/a%20b', { kind: 'file', folder: '/var/a b' }],
  ['a relative folder', 'file:store', undefined],
  ['another machine', 'file://host/store', undefined],
  ['the whole disk', 'file:/', undefined],
  ['no bucket', 'gs://', undefined],
  ['another scheme', 's3://bucket', undefined],
  ['a path', '/var/store', undefined],
])('STORE: %s', (_, raw, expected) => {
  const read = readStorePlace(raw);
  expect('value' in read ? read.value : undefined).toEqual(expected);
});
