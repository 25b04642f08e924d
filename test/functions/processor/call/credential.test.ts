import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createCredential, createCredentials } from '../../../../functions/processor/call/credential.ts';
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

test('each policy has its own, and policies that name one file share it', async () => {
  const files = ['a', 'b'].map((name) => {
    writeFileSync(join(folder, name), `key-of-${name}`);
    return readNamedFile('KEY_FILE', join(folder, name), parseBearerKey);
  });
  const policies = [undefined, join(folder, 'a'), join(folder, 'b'), join(folder, 'a')].map((apiKeyFile) => ({
    apiKeyFile,
    gatewayAudience: undefined,
  }));
  const keyFiles = new Map(files.map((file) => [file.path, file]));
  const credentialOf = await createCredentials(policies, keyFiles, monotonicClock, wallClock, log);
  const keys = await Promise.all(policies.map((policy) => credentialOf(policy)()));
  expect(keys).toEqual(['', 'key-of-a', 'key-of-b', 'key-of-a']);
  expect(credentialOf(policies[3]!)).toBe(credentialOf(policies[1]!));
});

test('a file without a key stops the start', () => {
  writeFileSync(path, '\n');
  expect(() => readNamedFile('KEY_FILE', path, parseBearerKey)).toThrow(
    `KEY_FILE: ${path} must hold one key of visible ASCII characters`,
  );
});
