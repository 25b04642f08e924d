import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sampleLines } from '../../../../infra/local/stack/sample/sample-lines.ts';

test('the model stands where the shape has it', () => {
  const text = '{"payload":{"model":"a"}}\n\n{"body":{"model":"a"}}\n{"model":"a","input":"x"}\n';
  expect(sampleLines(text, 'b')).toEqual([
    '{"payload":{"model":"b"}}',
    '{"body":{"model":"b"}}',
    '{"model":"b","input":"x"}',
  ]);
});

test.each(['{', '[]', 'null'])('%s is refused with its line', (line) => {
  expect(() => sampleLines(`{}\n${line}\n`, 'b')).toThrow('line 2 of the sample');
});

describe('the bundled sample', () => {
  const file = resolve(import.meta.dirname, '../../../../infra/local/stack/sample.jsonl');
  const requests = sampleLines(readFileSync(file, 'utf8'), 'sim').map((line) => JSON.parse(line));

  test('holds 200 requests with ids of their own', () => {
    const ids = requests.map(({ id, custom_id }) => id ?? custom_id).filter((id) => id !== undefined);
    expect(requests).toHaveLength(200);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('comes in all three shapes, most as envelopes', () => {
    const shapes = requests.map((request) =>
      'payload' in request ? 'envelope' : 'custom_id' in request ? 'batch' : 'bare',
    );
    const count = (shape: string) => shapes.filter((found) => found === shape).length;
    expect(count('envelope')).toBeGreaterThan(100);
    expect(count('batch')).toBeGreaterThan(20);
    expect(count('bare')).toBeGreaterThan(10);
  });
});
