import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { changeRules, resumed, withRule } from '../../../../infra/cli/control/change-rules.ts';
import { rulesText } from '../../../../infra/cli/control/rules-text.ts';
import { findStore } from '../../../../infra/cli/control/store-of.ts';
import type { ControlRule } from '../../../../shared/control/control-document.ts';
import { Changed, type Store } from '../../../../shared/store/store.ts';
import { unix } from '../../../support/instants.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-control-'));
const document = join(folder, 'control.json');
const store = await findStore(`file:${folder}`, {}, undefined);
beforeEach(() => rmSync(document, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

const rule = (action: ControlRule['action'], fields: ControlRule['fields'], untilMs?: number): ControlRule => ({
  action,
  fields,
  untilMs: untilMs === undefined ? undefined : unix(untilMs),
});
const nowMs = unix(Date.UTC(2026, 10, 26));

test('rules are added to those that are there, each once, and those whose time is over go', async () => {
  const old = rule('pause', { job: 'old' }, nowMs);
  await changeRules(store, (rules) => withRule(rules, old), unix(nowMs - 1));
  const acme = rule('pause', { tenant: 'acme' });
  await changeRules(store, (rules) => withRule(rules, acme), nowMs);
  const later = rule('pause', { tenant: 'acme' }, nowMs + 1000);
  expect(await changeRules(store, (rules) => withRule(rules, later), nowMs)).toEqual([later]);
  expect(JSON.parse(readFileSync(document, 'utf8'))).toEqual({
    rules: [{ action: 'pause', tenant: 'acme', until: '2026-11-26T00:00:01.000Z' }],
  });
});

test('nobody’s change is written over: of two writers at once both have theirs', async () => {
  const adding = ['a', 'b', 'c', 'd'].map((job) =>
    changeRules(store, (rules) => withRule(rules, rule('cancel', { job })), nowMs),
  );
  await Promise.all(adding);
  const { rules } = JSON.parse(readFileSync(document, 'utf8'));
  expect(rules.map(({ job }: { job: string }) => job).sort()).toEqual(['a', 'b', 'c', 'd']);
});

test('a writer that is always too late gives up', async () => {
  const busy: Store = {
    ...store,
    read: store.read.bind(store),
    uriOf: String,
    write: () => Promise.reject(new Changed('x')),
  };
  await expect(changeRules(busy, (rules) => rules, nowMs)).rejects.toThrow('others keep changing');
});

test('a document that cannot be read is not written over', async () => {
  writeFileSync(document, '{"rules":');
  await expect(changeRules(store, () => [], nowMs)).rejects.toThrow(/control\.json is no JSON; nothing was changed/);
  expect(readFileSync(document, 'utf8')).toBe('{"rules":');
});

test('more rules than a document may have are refused', async () => {
  const many = Array.from({ length: 10_001 }, () => rule('pause', {}));
  await expect(changeRules(store, () => many, nowMs)).rejects.toThrow('more than 10000 rules; nothing was changed');
});

describe('resume', () => {
  const rules = [
    rule('pause', { tenant: 'a' }),
    rule('pause', { tenant: 'a', job: 'j' }),
    rule('cancel', { tenant: 'a' }),
  ];
  test('takes back the pause of exactly these messages', () => {
    expect(resumed(rules, { tenant: 'a' })).toEqual(rules.slice(1));
    expect(resumed(rules, { job: 'j', tenant: 'a' })).toEqual([rules[0], rules[2]]);
    expect(resumed(rules, {})).toEqual(rules);
  });
  test('takes back every pause, and nothing that cancels', () => {
    expect(resumed(rules, undefined)).toEqual(rules.slice(2));
  });
});

test('rules are told in words', () => {
  expect(rulesText([])).toBe('No rule is in force.');
  expect(
    rulesText([rule('pause', { tenant: 'acme' }, nowMs), rule('cancel', { id: 'x', job: 'j' }), rule('pause', {})]),
  ).toBe(
    'In force:\n  paused: tenant acme until 2026-11-26T00:00:00.000Z\n  cancelled: id x, job j\n  paused: all messages',
  );
});

describe('which STORE is meant', () => {
  const stack = { store: `file:${folder}/stack` };
  test.each([
    ['the one that is named', `file:${folder}/named`, { STORE: `file:${folder}/env` }, stack, 'named'],
    ['that of the environment', undefined, { STORE: `file:${folder}/env` }, stack, 'env'],
    ['that of the stack', undefined, { STORE: '' }, stack, 'stack'],
  ])('%s', async (_, named, env, running, expected) => {
    expect((await findStore(named, env, running)).uriOf('x')).toContain(`/${expected}/x`);
  });
  test('none that is told', () => {
    expect(() => findStore(undefined, {}, undefined)).toThrow('npm start');
    expect(() => findStore('/var', {}, undefined)).toThrow('STORE must be gs://BUCKET');
  });
});
