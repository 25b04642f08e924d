import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonSpan, objectMembers, parseSpan, spanText } from '../../../shared/runtime/json-spans.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function values(text: string): Record<string, unknown> | undefined {
  const members = objectMembers(bytes(text));
  return members && Object.fromEntries([...members].map(([key, span]) => [key, parseSpan(bytes(text), span)]));
}

describe('members of an object', () => {
  const rows: [string, string, string, string | undefined][] = [
    ['blanks stay outside the span', ' { "a" :\n {"b" : 1.50 } , "c":2}', 'a', '{"b" : 1.50 }'],
    ['the last duplicate wins', '{"a":1,"a":[2]}', 'a', '[2]'],
    ['an escaped key is the key it stands for', '{"p\\u0061yload":{}}', 'payload', '{}'],
    ['an escaped duplicate counts as one', '{"payload":1,"p\\u0061yload":2}', 'payload', '2'],
    ['numbers keep their spelling', '{"n":-0.10E+2}', 'n', '-0.10E+2'],
    ['braces in strings are text', '{"a":"}]\\"{","b":true}', 'b', 'true'],
    ['members of members are not members', '{"a":{"b":1}}', 'b', undefined],
    ['a key in an array is not a member', '{"a":[{"b":1}]}', 'b', undefined],
    ['multi-byte text before does not shift it', '{"ü€😀":"é","a":7}', 'a', '7'],
    ['__proto__ is a key like any other', '{"__proto__":3}', '__proto__', '3'],
  ];
  test.each(rows)('%s', (_, text, key, expected) => {
    const span = objectMembers(bytes(text))?.get(key);
    expect(span && spanText(bytes(text), span)).toBe(expected);
  });

  test('depth counts the containers of the value', () => {
    const text = bytes('{"scalar":1,"empty":{},"deep":[[{"a":[]}],1],"last":"x"}');
    const depths = [...(objectMembers(text) ?? [])].map(([key, { depth }]) => [key, depth]);
    expect(depths).toEqual([
      ['scalar', 0],
      ['empty', 1],
      ['deep', 4],
      ['last', 0],
    ]);
  });

  test('a part of the bytes gives spans in the whole', () => {
    const text = bytes('xx{"a":12}yy');
    const span = objectMembers(text, 2, 10)?.get('a');
    expect(span && spanText(text, span)).toBe('12');
  });
});

const broken = [
  '',
  ' ',
  '{',
  '}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,}',
  '{a:1}',
  "{'a':1}",
  '{"a":01}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":+1}',
  '{"a":-}',
  '{"a":1e}',
  '{"a":tru}',
  '{"a":NaN}',
  '{"a":"\\x"}',
  '{"a":"\\u12g4"}',
  '{"a":"\n"}',
  '{"a":"',
  '{"a":1}}',
  '{"a":1} x',
  '{"a":[1,]}',
  '{"a":[}]',
  '{"a" 1}',
  '\ufeff{"a":1}',
  '{"a":1]',
];
test.each(broken)('%j is no JSON', (text) => {
  expect(jsonSpan(bytes(text))).toBeUndefined();
});

test.each(['[]', '1', '"a"', 'null', 'true', '[{"a":1}]'])('%j is JSON, and no object', (text) => {
  expect(jsonSpan(bytes(text))).toBeDefined();
  expect(objectMembers(bytes(text))).toBeUndefined();
});

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
      fc.nat(3),
      (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        expect(values(text)).toEqual(JSON.parse(text));
      },
    ),
  );
});

test('takes exactly what JSON.parse takes', () => {
  const unit = fc.constantFrom(...'{}[]:,"\\ue0123-+.tfn ', 'true', 'null', '"a"', '1', '\\u0061');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 24 }), (text) => {
      expect(jsonSpan(bytes(text)) !== undefined).toBe(parses(text));
    }),
    { numRuns: 2000 },
  );
});

test('a long string is taken as JSON.parse takes it, whatever stands at any place of it', () => {
  const odd = [
    '"',
    '\\',
    '\\"',
    '\\n',
    '\\u00e9',
    '\\ux',
    '\n',
    '\u0000',
    '\u001f',
    ' ',
    '~',
    'é',
    '€',
    '😀',
    '\u007f',
    '\u0080',
  ];
  const part = fc.record({ text: fc.constantFrom(...odd), after: fc.nat(80) });
  fc.assert(
    fc.property(fc.nat(80), fc.array(part, { maxLength: 4 }), fc.boolean(), (before, parts, isClosed) => {
      const inside = 'x'.repeat(before) + parts.map(({ text, after }) => text + 'y'.repeat(after)).join('');
      const text = `"${inside}${isClosed ? '"' : ''}`;
      const parses = (): boolean => {
        try {
          JSON.parse(text);
          return true;
        } catch {
          return false;
        }
      };
      expect(jsonSpan(bytes(text)) !== undefined).toBe(parses());
    }),
    { numRuns: 2000 },
  );
});

test('nesting without end is refused, and needs no stack', () => {
  expect(jsonSpan(Buffer.alloc(13_000_000, '['))).toBeUndefined();
  const nested = (levels: number): Uint8Array => bytes(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`);
  expect(objectMembers(nested(1024))?.size).toBe(1);
  expect(objectMembers(nested(1025))).toBeUndefined();
});

test('what is not bound is read at any depth, a byte a level', () => {
  const levels = 3_000_000;
  const text = Buffer.alloc(2 * levels, '[').fill(']', levels);
  expect(jsonSpan(text)?.depth).toBe(levels);
  expect(jsonSpan(text.subarray(0, -1))).toBeUndefined();
  const mixed = bytes(`${'[{"a":'.repeat(2000)}1${'}]'.repeat(2000)}`);
  expect(jsonSpan(mixed)?.depth).toBe(4000);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('members that are wanted', () => {
  test.each([
    ['{"a":1,"ab":2,"b":3}', { a: 1, b: 3 }],
    ['{"\\u0061":1,"\\u0062x":2,"\\b":3}', { a: 1 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"":1,"a\\u0062":2,"\\\\":3,"\\u00":4}', undefined],
    ['{"":1,"A":2,"a\\"":3,"aü":4}', {}],
    ['{"x":{"a":1},"b":{"a":2}}', { b: { a: 2 } }],
  ])('%s', (text, expected) => {
    const found = objectMembers(bytes(text), 0, bytes(text).length, ['a', 'b']);
    const values = found && Object.fromEntries([...found].map(([name, span]) => [name, parseSpan(bytes(text), span)]));
    expect(values).toEqual(expected);
  });
  test('are those that all members hold under their names', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'ab', '\\', '"', 'ü', ''), fc.jsonValue()), (object) => {
        const text = bytes(JSON.stringify(object));
        const all = objectMembers(text);
        const wanted = objectMembers(text, 0, text.length, ['ab', 'b']);
        expect([wanted?.get('ab'), wanted?.get('b')]).toEqual([all?.get('ab'), all?.get('b')]);
        expect(wanted?.size).toBe(['ab', 'b'].filter((name) => Object.hasOwn(object, name)).length);
      }),
    );
  });
});
