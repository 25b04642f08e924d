import { expect, test } from 'vitest';
import { parseApiKeys } from '../../../gateway/admit/api-keys.ts';
import { parseObjectiveFile, parseObjectiveList } from '../../../gateway/admit/objectives.ts';
import { parseEndpointFile, parseEndpointList } from '../../../gateway/discovery/endpoint-list.ts';
import { readModelList } from '../../../gateway/endpoint/model-list.ts';

test('objectives: a list', () => {
  expect(parseObjectiveList('a=100, b = -1')).toEqual({
    value: new Map([
      ['a', { name: 'a', priority: 100 }],
      ['b', { name: 'b', priority: -1 }],
    ]),
  });
});

test.each(['', 'a', 'a=', 'a=1.5', 'a=1=2', '=1', 'a=1,a=2', 'a=1,', 'a b=1'])('objectives: %j is no list', (raw) => {
  expect(parseObjectiveList(raw)).toEqual({
    fault: 'must be a comma list of name=priority with whole numbers and no name twice',
  });
});

test('objectives: a file', () => {
  const text = '{"interactive":{"priority":100,"ttftMs":1000,"tpotMs":50,"missBudget":0.01},"batch":{"priority":-1}}';
  expect(parseObjectiveFile(text)).toEqual({
    value: new Map([
      ['interactive', { name: 'interactive', priority: 100, ttftMs: 1000, tpotMs: 50, missBudget: 0.01 }],
      ['batch', { name: 'batch', priority: -1 }],
    ]),
  });
});

test.each([
  ['{"a":', 'is not JSON, must be a JSON object of name to objective'],
  ['[]', 'must be a JSON object of name to objective'],
  ['null', 'must be a JSON object of name to objective'],
  ['{}', 'must name at least one objective'],
  ['{"a b":{"priority":1}}', 'must give "a b" a name of at most 128 letters, digits, dots, dashes and underscores'],
  ['{"a":1}', 'must give "a" an object'],
  ['{"a":{}}', 'must give "a" a whole number as priority'],
  ['{"a":{"priority":"1"}}', 'must give "a" a whole number as priority'],
  ['{"a":{"priority":1.5}}', 'must give "a" a whole number as priority'],
  ['{"a":{"priority":1,"ttftMs":0}}', 'must give "a" positive milliseconds as ttftMs, or none'],
  ['{"a":{"priority":1,"tpotMs":"50"}}', 'must give "a" positive milliseconds as tpotMs, or none'],
  ['{"a":{"priority":1,"missBudget":1.1}}', 'must give "a" a missBudget from 0 to 1, or none'],
  [
    '{"a":{"missBudget":2},"b":{"priority":0,"tpotMs":null}}',
    'must give "a" a whole number as priority, must give "a" a missBudget from 0 to 1, or none, must give "b" positive milliseconds as tpotMs, or none',
  ],
])('objectives: of %j it is said what would be right', (text, fault) => {
  expect(parseObjectiveFile(text)).toEqual({ fault });
});

test('endpoints: a list, each once, without trailing slashes', () => {
  const urls = ['http://a:1', 'http://b:2/x'].map((url) => ({ url, labels: {} }));
  expect(parseEndpointList('http://a:1/, http://b:2/x/,http://a:1')).toEqual({ value: urls });
});

test.each(['', 'a:1', 'http://a,', 'ftp://a', 'http://u:p@a', 'http://a?x=1'])('endpoints: %j is no list', (raw) => {
  expect(parseEndpointList(raw)).toEqual({ fault: 'must hold only base URLs like http://10.0.0.1:8000' });
});

test.each([
  ['[]', []],
  ['[{"url":"http://a:1"}]', [{ url: 'http://a:1', labels: {} }]],
  ['[{"url":"http://a:1","labels":null}]', [{ url: 'http://a:1', labels: {} }]],
  ['[{"url":"http://a:1","labels":{"zone":"b"}}]', [{ url: 'http://a:1', labels: { zone: 'b' } }]],
])('endpoints: the file %j', (text, value) => {
  expect(parseEndpointFile(text)).toEqual({ value });
});

test.each([
  ['', 'is not JSON, must be a JSON array of {"url","labels"}'],
  ['[', 'is not JSON, must be a JSON array of {"url","labels"}'],
  ['{}', 'must be a JSON array of {"url","labels"}'],
  ['[null]', 'must give entry 0 an object of url and labels'],
  ['["http://a:1"]', 'must give entry 0 an object of url and labels'],
  ['[{"url":1}]', 'must give entry 0 a url'],
  ['[{"url":"http://a"},{}]', 'must give entry 1 a url'],
  ['[{"url":"http://a","labels":{"n":1}}]', 'must give entry 0 labels of text to text, or none'],
  ['[{"url":"http://a","labels":[]}]', 'must give entry 0 labels of text to text, or none'],
  ['[{"url":"x"}]', 'must hold only base URLs like http://10.0.0.1:8000'],
])('endpoints: of %j it is said what would be right', (text, fault) => {
  expect(parseEndpointFile(text)).toEqual({ fault });
});

const sha256 = 'AB'.repeat(32);
test('API keys: tenant and objectives are optional', () => {
  expect(parseApiKeys(JSON.stringify([{ sha256 }, { sha256, tenant: 't', objectives: ['o'] }]))).toEqual({
    value: [
      { sha256: sha256.toLowerCase(), tenant: undefined, objectives: undefined },
      { sha256: sha256.toLowerCase(), tenant: 't', objectives: ['o'] },
    ],
  });
});

test.each([
  ['{}', 'must be a JSON array of {"sha256","tenant","objectives"}'],
  ['', 'is not JSON, must be a JSON array of {"sha256","tenant","objectives"}'],
  ['[1]', 'must give entry 0 an object of sha256, tenant and objectives'],
  ['[null]', 'must give entry 0 an object of sha256, tenant and objectives'],
  ['[{}]', 'must give entry 0 a sha256 of 64 hexadecimal digits'],
  ['[{"sha256":"abc"}]', 'must give entry 0 a sha256 of 64 hexadecimal digits'],
  [`[{"sha256":"${sha256}","tenant":1}]`, 'must give entry 0 a text as tenant, or none'],
  [`[{"sha256":"${sha256}","objectives":"o"}]`, 'must give entry 0 a list of objective names, or none'],
  [`[{"sha256":"${sha256}","objectives":["a",1]}]`, 'must give entry 0 a list of objective names, or none'],
])('API keys: of %j it is said what would be right', (text, fault) => {
  expect(parseApiKeys(text)).toEqual({ fault });
});

test.each([
  ['{"data":[{"id":"m","x":1},{"id":7},null,{}]}', ['m']],
  ['{"data":[]}', []],
  ['{"data":{}}', undefined],
  ['null', undefined],
  ['', undefined],
])('models: %j', (text, expected) => {
  const models = readModelList(text);
  expect(models && [...models.keys()]).toEqual(expected);
});
