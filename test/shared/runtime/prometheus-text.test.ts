import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePrometheusText } from '../../../shared/runtime/prometheus-text.ts';

const rows: [string, string, unknown[]][] = [
  ['a bare sample', 'up 1', [{ name: 'up', labels: {}, value: 1 }]],
  [
    'a colon in the name',
    'vllm:num_requests_running{engine="0"} 3.0',
    [{ name: 'vllm:num_requests_running', labels: { engine: '0' }, value: 3 }],
  ],
  ['a timestamp', 'up 1 1795460000000', [{ name: 'up', labels: {}, value: 1 }]],
  ['blanks everywhere', '  up { a = "1" , b="2", } \t 4 ', [{ name: 'up', labels: { a: '1', b: '2' }, value: 4 }]],
  ['empty braces', 'up{} 1', [{ name: 'up', labels: {}, value: 1 }]],
  [
    'escapes in a label',
    String.raw`up{a="q\"uo\\te\nx\y"} 1`,
    [{ name: 'up', labels: { a: 'q"uo\\te\nx\\y' }, value: 1 }],
  ],
  ['a brace in a label', 'up{a="}{,=\'"} 1', [{ name: 'up', labels: { a: "}{,='" }, value: 1 }]],
  [
    'NaN and the infinities',
    'a NaN\nb +Inf\nc -Inf',
    [
      { name: 'a', labels: {}, value: Number.NaN },
      { name: 'b', labels: {}, value: Number.POSITIVE_INFINITY },
      { name: 'c', labels: {}, value: Number.NEGATIVE_INFINITY },
    ],
  ],
  ['an exponent', 'a 1.5e-3', [{ name: 'a', labels: {}, value: 0.0015 }]],
  ['an exemplar', 'a_bucket{le="1"} 5 # {trace_id="x"} 0.3', [{ name: 'a_bucket', labels: { le: '1' }, value: 5 }]],
  [
    'Windows line ends',
    'a 1\r\nb 2\r\n',
    [
      { name: 'a', labels: {}, value: 1 },
      { name: 'b', labels: {}, value: 2 },
    ],
  ],
  ['comments and blank lines', '# HELP a b\n# TYPE a gauge\n\na 1\n# EOF', [{ name: 'a', labels: {}, value: 1 }]],
  [
    'a broken line among good ones',
    'a 1\nb{x="1 2\nc{x=1} 3\nd\ne zwölf\n9f 1\ng 2',
    [
      { name: 'a', labels: {}, value: 1 },
      { name: 'g', labels: {}, value: 2 },
    ],
  ],
];

test.each(rows)('%s', (_name, text, samples) => {
  expect(parsePrometheusText(text)).toEqual(samples);
});

test('what is written is read back', () => {
  const label = fc.string({ unit: 'grapheme' }).filter((value) => !/[\r\u2028\u2029]/.test(value));
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), label), fc.double(), (labels, value) => {
      const written = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
      const line = `m{${written.join(',')}} ${Object.is(value, -0) ? 0 : value}`;
      expect(parsePrometheusText(line)).toEqual([
        { name: 'm', labels: { ...labels }, value: Object.is(value, -0) ? 0 : value },
      ]);
    }),
  );
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.string(), (text) => void parsePrometheusText(text)));
});

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
