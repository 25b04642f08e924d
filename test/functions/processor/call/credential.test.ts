import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createCredential } from '../../../../functions/processor/call/credential.ts';
import { monotonicClock, wallClock } from '../../../../shared/runtime/clock.ts';
import { parseBearerKey } from '../../../../shared/runtime/config/bearer-key.ts';
import { readNamedFile } from '../../../../shared/runtime/config/named-file.ts';
import type { Logger } from '../../../../shared/runtime/logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'credential-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'key');
const log = { info: () => {}, warn: () => {} } as unknown as Logger;

test('without a key and an audience there is no token', async () => {
  expect(await (await createCredential(undefined, undefined, monotonicClock, wallClock, log))()).toBe('');
});

test('each call sends the key that its file holds then; a file that is empty or gone leaves the last one', async () => {
  writeFileSync(path, ' first\n');
  const credential = await createCredential(
    readNamedFile('KEY_FILE', path, parseBearerKey),
    undefined,
    monotonicClock,
    wallClock,
    log,
  );
  expect(await credential()).toBe('first');
  writeFileSync(path, 'second\n');
  expect(await credential()).toBe('second');
  writeFileSync(path, ' \n');
  expect(await credential()).toBe('second');
  rmSync(path);
  expect(await credential()).toBe('second');
});

test('a file without a key stops the start', () => {
  writeFileSync(path, '\n');
  expect(() => readNamedFile('KEY_FILE', path, parseBearerKey)).toThrow(
    `KEY_FILE: ${path} must hold one key of visible ASCII characters`,
  );
});
