import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { withReferences } from '../../../infra/docs/references.ts';

test("the README's tables of variables and metrics are those of the code; `npm run docs` writes them", () => {
  const readme = readFileSync(resolve(import.meta.dirname, '../../../README.md'), 'utf8');
  expect(readme).toBe(withReferences(readme));
});
