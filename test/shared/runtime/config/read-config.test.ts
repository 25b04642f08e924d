import { expect, test } from 'vitest';
import { ConfigError, type Environment, type Rule, readConfig } from '../../../../shared/runtime/config/read-config.ts';
import { referenceTable } from '../../../../shared/runtime/config/reference.ts';
import {
  baseUrl,
  choice,
  decimal,
  flag,
  integer,
  list,
  seconds,
  text,
} from '../../../../shared/runtime/config/variables.ts';

const schema = {
  url: baseUrl('URL', { required: true, meaning: 'where to' }),
  topic: text('TOPIC', { meaning: 'a topic | none' }),
  level: choice('LEVEL', ['info', 'warn'], { default: 'info', meaning: 'how much' }),
  paths: list('PATHS', { default: '/a,/b', meaning: 'allowed paths' }),
  kinds: list('KINDS', { default: 'x', choices: ['x', 'y'], meaning: 'known kinds' }),
  strict: flag('STRICT', { default: 'false', meaning: 'be strict' }),
  count: integer('COUNT', { default: '4', min: 1, max: 10, meaning: 'how many' }),
  share: decimal('SHARE', { default: '0.5', min: 0, max: 1, meaning: 'a share' }),
  waitMs: seconds('WAIT_SECONDS', { default: '1.5', meaning: 'how long' }),
};

test('defaults, read as they would be written', () => {
  expect(readConfig(schema, { URL: 'http://h:1/base/' })).toEqual({
    url: 'http://h:1/base',
    topic: undefined,
    level: 'info',
    paths: ['/a', '/b'],
    kinds: ['x'],
    strict: false,
    count: 4,
    share: 0.5,
    waitMs: 1500,
  });
});

test('the result is frozen', () => {
  expect(Object.isFrozen(readConfig(schema, { URL: 'http://h' }))).toBe(true);
});

const faulty: [string, Environment, string][] = [
  ['a required one is absent', { URL: undefined }, 'URL is required'],
  ['empty counts as absent', { URL: ' ' }, 'URL is required'],
  ['another scheme', { URL: 'ftp://h' }, 'URL must be a base URL'],
  ['credentials in a URL', { URL: 'http://u:p@h' }, 'URL must be a base URL'],
  ['a query in a URL', { URL: 'http://h?a=1' }, 'URL must be a base URL'],
  ['not one of the choices', { LEVEL: 'loud' }, 'LEVEL must be one of info, warn, not "loud"'],
  ['an empty item', { PATHS: '/a,,/b' }, 'PATHS must be a comma list without empty items'],
  ['an unknown item', { KINDS: 'x,z' }, 'KINDS must be a comma list of x, y'],
  ['yes is not true', { STRICT: 'yes' }, 'STRICT must be true or false'],
  ['below the range', { COUNT: '0' }, 'COUNT must be a whole number from 1 to 10'],
  ['above the range', { COUNT: '11' }, 'COUNT must be a whole number from 1 to 10'],
  ['a fraction', { COUNT: '1.5' }, 'COUNT must be a whole number'],
  ['an exponent', { COUNT: '1e0' }, 'COUNT must be a whole number'],
  ['NaN', { SHARE: 'NaN' }, 'SHARE must be a number'],
  ['negative', { WAIT_SECONDS: '-1' }, 'WAIT_SECONDS must be a number of seconds from 0 to 2147483'],
  ['longer than a timer may run', { WAIT_SECONDS: '2147484' }, 'WAIT_SECONDS must be a number of seconds'],
  ['with its unit', { WAIT_SECONDS: '5s' }, 'WAIT_SECONDS must be a number of seconds'],
];

test.each(faulty)('%s', (_name, env, fault) => {
  expect(() => readConfig(schema, { URL: 'http://h', ...env })).toThrow(fault);
});

test('every fault is listed at once, and a rule runs only when what it needs could be read', () => {
  const rules: Rule<typeof schema>[] = [
    { needs: ['count'], fault: () => 'never: COUNT could not be read' },
    {
      needs: ['waitMs', 'share'],
      fault: ({ waitMs, share }) => (waitMs > share ? 'WAIT_SECONDS is above SHARE' : undefined),
    },
  ];
  const read = () => readConfig(schema, { COUNT: 'x', LEVEL: 'y' }, rules);
  expect(read).toThrow(ConfigError);
  expect(faultsOf(read).map((fault) => fault.split(' ')[0])).toEqual(['URL', 'LEVEL', 'COUNT', 'WAIT_SECONDS']);
});

test('the reference table has a row for every variable, and survives a bar in a meaning', () => {
  const table = referenceTable(schema).split('\n');
  expect(table).toHaveLength(2 + Object.keys(schema).length);
  expect(table).toContain('| `URL` | required | where to |');
  expect(table).toContain('| `TOPIC` | none | a topic \\| none |');
  expect(table).toContain('| `WAIT_SECONDS` | `1.5` | how long |');
});

test.each([
  ['http://user:s3cret@gateway:8000', '"http://***@gateway:8000"'],
  ['http://user:s3cret/with@and,?#of@gateway', '"http://***@gateway"'],
  ['user:s3cret@gateway:8000', '"***@gateway:8000"'],
  ['//user:s3cret@gateway', '"***@gateway"'],
  ['http://gateway/v1?key=s3cret', '"http://gateway/v1?***"'],
  ['http://gateway/#s3cret', '"http://gateway/#***"'],
  ['htp://gateway', '"htp://gateway"'],
  ['a?b', '"a?b"'],
])('a fault shows %s without its secret', (url, expected) => {
  const [fault] = faultsOf(() => readConfig(schema, { URL: url }));
  expect(fault).toContain(`, not ${expected}`);
  expect(fault).not.toContain('s3cret');
});

function faultsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
  }
  return [];
}
