import { expect, test } from 'vitest';
import { helpText, parseCommandLine } from '../../../../shared/runtime/config/command-line.ts';
import { flag, integer, text } from '../../../../shared/runtime/config/variables.ts';

const command = {
  usage: 'npm run thing --',
  about: 'Does a thing.',
  positional: 'FILE',
  flags: {
    port: integer('--port', { default: '0', max: 65535, meaning: 'where to listen' }),
    out: text('--out', { meaning: 'where to write' }),
    exit: flag('--exit', { default: 'false', meaning: 'end after it' }),
  },
};

test('flags, a switch and the positional argument', () => {
  expect(parseCommandLine(command, ['in.jsonl', '--port=9', '--exit'])).toEqual({
    flags: { port: 9, out: undefined, exit: true },
    positional: 'in.jsonl',
  });
});

const faulty: [string, string[], string][] = [
  ['no positional', [], 'FILE is required'],
  ['one too many', ['a', 'b'], 'b is not expected here'],
  ['an unknown flag', ['a', '--prot', '1'], "Unknown option '--prot'"],
  ['a value out of range', ['a', '--port', '70000'], '--port must be a whole number from 0 to 65535, not "70000"'],
  ['a flag without its value', ['a', '--out'], '--out'],
];

test.each(faulty)('%s', (_name, argv, fault) => {
  expect(() => parseCommandLine(command, argv)).toThrow(fault);
});

test('help of a command without flags names none', () => {
  expect(helpText({ usage: 'npm run thing', about: 'Does a thing.', flags: {} })).toBe(
    'Does a thing.\n\nUsage: npm run thing\n',
  );
});

test('help names every flag with its default', () => {
  expect(parseCommandLine(command, ['--help'])).toBe('help');
  expect(helpText(command)).toMatchInlineSnapshot(`
    "Does a thing.

    Usage: npm run thing -- FILE [flags]

      --port VALUE                   where to listen (default 0)
      --out VALUE                    where to write
      --exit                         end after it
    "
  `);
});
