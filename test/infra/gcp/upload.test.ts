import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const gcloud = (...args: string[]) => spawnSync('gcloud', args, { cwd: root, encoding: 'utf8' });
const isInstalled = gcloud('--version').status === 0;

test.skipIf(!isInstalled)('a build is given what its linter needs and nothing that git ignores', () => {
  const files = gcloud('meta', 'list-files-for-upload', '.').stdout.split('\n');
  expect(files).toEqual(expect.arrayContaining(['.gitignore', 'package-lock.json', 'infra/gcp/deploy.sh']));
  expect(files.filter((file) => /^(\.git|node_modules|dist)\//.test(file))).toEqual([]);
});
