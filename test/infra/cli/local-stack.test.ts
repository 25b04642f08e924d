import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { announceStack, findStack } from '../../../infra/cli/local-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-announced-'));
const file = join(folder, 'cache/stack.json');
afterAll(() => rmSync(folder, { recursive: true }));

const stackAt = (pubsub: string) => ({
  pubsub,
  gateway: 'g',
  function: 'f',
  monitoring: 'm',
  projectId: 'local',
  store: 's',
});

test('a stack is found while it runs; of two the later one, and the earlier does not take it away', () => {
  expect(findStack(file)).toBeUndefined();
  const firstGone = announceStack(stackAt('first'), file);
  expect(findStack(file)).toEqual(stackAt('first'));
  const secondGone = announceStack(stackAt('second'), file);
  firstGone();
  expect(findStack(file)).toEqual(stackAt('second'));
  secondGone();
  secondGone();
  expect(findStack(file)).toBeUndefined();
});
