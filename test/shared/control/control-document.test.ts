import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ControlRule,
  type ControlTarget,
  controlFields,
  controlOf,
  readControlDocument,
  writeControlDocument,
} from '../../../shared/control/control-document.ts';
import { unix } from '../../support/instants.ts';

const read = (document: unknown) => readControlDocument(Buffer.from(JSON.stringify(document)));
const target: ControlTarget = {
  id: ['doc-17'],
  job: ['b-17'],
  tenant: ['acme'],
  subscription: ['requests', 'projects/p/subscriptions/requests'],
  pool: ['gateway:8000', 'big'],
};

describe('a document', () => {
  test('is rules, with what they name', () => {
    const rules = [
      { action: 'cancel', job: 'b-17' },
      { action: 'cancel', id: 'doc-17', tenant: 'acme' },
      { action: 'pause', tenant: 'acme', until: '2026-12-01T06:00:00Z' },
    ];
    expect(read({ rules })).toEqual([
      { action: 'cancel', fields: { job: 'b-17' }, untilMs: undefined },
      { action: 'cancel', fields: { id: 'doc-17', tenant: 'acme' }, untilMs: undefined },
      { action: 'pause', fields: { tenant: 'acme' }, untilMs: Date.UTC(2026, 11, 1, 6) },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['no object', [], 'has no list of rules'],
    ['no rules', {}, 'has no list of rules'],
    ['rules that are none', { rules: [7] }, 'rule 1 is no object'],
    ['no action', { rules: [{ job: 'a' }] }, 'rule 1 must have an action: cancel or pause'],
    ['another action', { rules: [{ action: 'stop' }] }, 'rule 1 must have an action: cancel or pause'],
    ['a misspelt field', { rules: [{ action: 'pause' }, { action: 'cancel', jobs: 'a' }] }, 'rule 2 names "jobs"'],
    ['a field that is no text', { rules: [{ action: 'pause', job: 7 }] }, 'rule 1 must have a text as job'],
    ['a time of another form', { rules: [{ action: 'pause', until: 'tomorrow' }] }, 'rule 1 must have an RFC 3339'],
    ['a date alone', { rules: [{ action: 'pause', until: '2026-12-01' }] }, 'rule 1 must have an RFC 3339'],
    ['too many rules', { rules: Array.from({ length: 10_001 }, () => ({ action: 'pause' })) }, 'has more than 10000'],
  ])('%s is refused as a whole', (_, document, fault) => {
    expect(read(document)).toEqual({ fault: expect.stringContaining(fault) });
  });

  test.each(['', 'rules', '\u00ff', '[]x'])('what is no JSON is refused: %j', (text) => {
    expect(readControlDocument(Buffer.from(text, 'latin1'))).toEqual({ fault: expect.any(String) });
  });

  test('is read as it was written', () => {
    const rule = fc.record({
      action: fc.constantFrom('cancel' as const, 'pause' as const),
      fields: fc.dictionary(fc.constantFrom(...controlFields), fc.string(), { noNullPrototype: true }),
      untilMs: fc.option(
        fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((at) => unix(at.getTime())),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(fc.array(rule), (rules) => {
        expect(readControlDocument(Buffer.from(writeControlDocument(rules)))).toEqual(rules);
      }),
    );
  });
});

describe('what the rules say of a message', () => {
  const rule = (action: ControlRule['action'], fields: ControlRule['fields'], untilMs?: number): ControlRule => ({
    action,
    fields,
    untilMs: untilMs === undefined ? undefined : unix(untilMs),
  });
  test.each<[string, readonly ControlRule[], string | undefined]>([
    ['nothing without rules', [], undefined],
    ['what one says of its job', [rule('cancel', { job: 'b-17' })], 'cancel'],
    ['nothing where one of two fields differs', [rule('cancel', { job: 'b-17', tenant: 'other' })], undefined],
    ['where both are equal', [rule('pause', { job: 'b-17', tenant: 'acme' })], 'pause'],
    ['a part of a name is not it', [rule('cancel', { job: 'b-1' })], undefined],
    ['a subscription by its id', [rule('pause', { subscription: 'requests' })], 'pause'],
    ['or by its full name', [rule('pause', { subscription: 'projects/p/subscriptions/requests' })], 'pause'],
    ['a pool by its name', [rule('pause', { pool: 'big' })], 'pause'],
    ['all messages, where it names no field', [rule('pause', {})], 'pause'],
    ['to cancel wins over to pause', [rule('pause', {}), rule('cancel', { id: 'doc-17' })], 'cancel'],
    ['before its end', [rule('pause', {}, 1001)], 'pause'],
    ['nothing at its end', [rule('pause', {}, 1000)], undefined],
  ])('%s', (_, rules, expected) => {
    expect(controlOf(rules, target, unix(1000))).toBe(expected);
  });
});
