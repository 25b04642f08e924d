import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ModelNames,
  parseModelNames,
  targetOf,
  withModel,
  withNames,
} from '../../../gateway/admit/model-names.ts';

const text = '{"gpt-4o":[{"model":"large","weight":90},{"model":"small","weight":10}],"plain":[{"model":"large"}]}';
const names = (parseModelNames(text) as { value: ModelNames }).value;
const always = () => true;

test.each<[string, string, number, (model: string) => boolean, string]>([
  ['below the first weight', 'gpt-4o', 0.899, always, 'large'],
  ['at it', 'gpt-4o', 0.9, always, 'small'],
  ['the end of the range', 'gpt-4o', 1 - 2 ** -53, always, 'small'],
  ['one that cannot be served has no share', 'gpt-4o', 0, (model) => model !== 'large', 'small'],
  ['none can be served', 'gpt-4o', 0, () => false, 'large'],
  ['one without a weight', 'plain', 0.5, always, 'large'],
  ['a name that stands for no other', 'large', 0.5, always, 'large'],
])('the model behind a name: %s', (_, asked, chance, canServe, expected) => {
  expect(targetOf(asked, names, canServe, () => chance)).toBe(expected);
});

test.each([
  ['no JSON', '{', 'must be a JSON object'],
  ['no object', '[]', 'must be a JSON object'],
  ['an empty list', '{"a":[]}', 'must give "a" a list of {"model","weight"}'],
  ['a weight of 0', '{"a":[{"model":"b","weight":0}]}', 'must give "a" a list of {"model","weight"}'],
  ['no model', '{"a":[{"weight":1}]}', 'must give "a" a list of {"model","weight"}'],
  ['an empty name', '{"":[{"model":"b"}]}', 'a name of 1 to 256 characters'],
])('a file with a fault: %s', (_, file, fault) => {
  expect(parseModelNames(file)).toEqual({ fault: expect.stringContaining(fault) });
});

test('the model is rewritten, and no other byte', () => {
  const anyObject = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(anyObject, fc.string(), fc.string({ minLength: 1 }), (rest, asked, model) => {
      const body = JSON.stringify({ ...rest, model: asked });
      const rewritten = withModel(Buffer.from(body), model).toString();
      expect(JSON.parse(rewritten)).toEqual(JSON.parse(JSON.stringify({ ...rest, model })));
      const key = body.lastIndexOf(`"model":${JSON.stringify(asked)}`);
      expect(rewritten.slice(0, key)).toBe(body.slice(0, key));
    }),
  );
});

test.each([
  ['spaces stay', ' { "model" : "a" , "x" : 1.50 } ', ' { "model" : "bc" , "x" : 1.50 } '],
  ['a model within another value is none', '{"x":{"model":"a"},"model":"a"}', '{"x":{"model":"a"},"model":"bc"}'],
  ['of two the last counts', '{"model":"a","model":"a"}', '{"model":"a","model":"bc"}'],
  ['an escaped key', '{"m\\u006fdel":"a"}', '{"m\\u006fdel":"bc"}'],
])('%s', (_, body, expected) => {
  expect(withModel(Buffer.from(body), 'bc').toString()).toBe(expected);
});

test('a list has the names of which a model is there; a name that is a model keeps its entry', () => {
  const large = { id: 'large', own: true };
  const listed = withNames(
    new Map([['large', large]]),
    new Map([...names, ['large', [{ model: 'large', weight: 1 }]], ['gone', [{ model: 'x', weight: 1 }]]]),
  );
  expect([...listed.keys()]).toEqual(['large', 'gpt-4o', 'plain']);
  expect(listed.get('large')).toBe(large);
  expect(listed.get('gpt-4o')).toMatchObject({ id: 'gpt-4o', object: 'model' });
});
