import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { readNamedFile } from '../../../shared/runtime/config/named-file.ts';
import type { Parsed } from '../../../shared/runtime/config/variables.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { WatchedFile } from '../../../shared/runtime/watched-file.ts';
import { until } from '../../support/poll.ts';

const folder = mkdtempSync(join(tmpdir(), 'watched-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'number');
const parse = (text: string): Parsed<number> =>
  /^\d+$/.test(text) ? { value: Number(text) } : { fault: 'must be digits' };
let said: string[] = [];
const log = {
  info: (_: object, message: string) => said.push(message),
  warn: (_: object, message: string) => said.push(message),
} as unknown as Logger;

beforeEach(() => {
  said = [];
  rmSync(path, { force: true });
  writeFileSync(path, '1');
});

const watched = (): WatchedFile<number> => new WatchedFile(readNamedFile('NUMBER_FILE', path, parse), log);

test('at the start the file is read once, and what is wrong with it names the variable', () => {
  expect(readNamedFile('NUMBER_FILE', path, parse)).toEqual({
    variable: 'NUMBER_FILE',
    path,
    parse,
    text: '1',
    value: 1,
  });
  writeFileSync(path, 'x');
  expect(() => readNamedFile('NUMBER_FILE', path, parse)).toThrow(`NUMBER_FILE: ${path} must be digits`);
  expect(() => readNamedFile('NUMBER_FILE', join(folder, 'none'), parse)).toThrow(/NUMBER_FILE must name a file/);
});

test('an edit in place, an atomic replacement and a swapped link are seen; the same content is not a change', async () => {
  const file = watched();
  expect(await file.reread()).toBe(1);
  expect(said).toEqual([]);
  writeFileSync(path, '2');
  expect(await file.reread()).toBe(2);
  writeFileSync(`${path}.new`, '3');
  renameSync(`${path}.new`, path);
  expect(await file.reread()).toBe(3);
  writeFileSync(join(folder, 'elsewhere'), '4');
  symlinkSync(join(folder, 'elsewhere'), `${path}.new`);
  renameSync(`${path}.new`, path);
  expect(await file.reread()).toBe(4);
  expect(said).toEqual(Array(3).fill('NUMBER_FILE: the file was read again'));
});

test('a fault leaves the last good content, and is said once', async () => {
  const file = watched();
  writeFileSync(path, 'x');
  for (const _ of [1, 2, 3]) expect(await file.reread()).toBe(1);
  rmSync(path);
  for (const _ of [1, 2, 3]) expect(await file.reread()).toBe(1);
  expect(said).toEqual([
    'NUMBER_FILE: the file must be digits; the last good one stays',
    'NUMBER_FILE: the file cannot be read; the last good one stays',
  ]);
  writeFileSync(path, '5');
  expect(await file.reread()).toBe(5);
  expect(file.current).toBe(5);
});

test('a followed file tells each change until it is closed', async () => {
  const file = watched();
  const changes: number[] = [];
  file.follow((value) => changes.push(value));
  writeFileSync(path, '2');
  await until(() => changes.length > 0, { what: 'the change' });
  writeFileSync(path, '3');
  const reading = file.reread();
  file.close();
  await reading;
  expect(changes).toEqual([2]);
});
