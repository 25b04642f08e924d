import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { attributesOf, checkLines } from '../../../infra/cli/submit/check-lines.ts';
import { requestDecoder } from '../../../infra/cli/submit/decoder.ts';
import { asyncByDefault } from '../../../shared/openai/api-routes.ts';
import { unix } from '../../support/instants.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-check-'));
const file = join(folder, 'requests.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

const terms = { job: 'requests-1', window: undefined };
const decode = requestDecoder(asyncByDefault, unix(Date.UTC(2026, 10, 23)));

function check(...lines: (string | object)[]) {
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return checkLines(file, terms, decode);
}

const chat = { model: 'm', messages: [] };

test('the three shapes, and which of them bring an id', async () => {
  const { lines, kinds } = await check(
    { id: 'doc', payload: chat },
    { payload: chat },
    '',
    { custom_id: 'doc', url: '/v1/embeddings', body: { model: 'e', input: 'x' } },
    { ...chat, id: 'theirs' },
  );
  expect([...lines].map(([number, { bringsId }]) => [number, bringsId])).toEqual([
    [1, true],
    [2, false],
    [4, true],
    [5, false],
  ]);
  expect([...kinds]).toEqual([
    ['/v1/chat/completions of model m', 3],
    ['/v1/embeddings of model e', 1],
  ]);
});

test('a window of the submission replaces what the lines say of a deadline, as it does in the function', async () => {
  writeFileSync(file, JSON.stringify({ payload: chat, deadline: 'soon', window: 7 }));
  const windowed = await checkLines(file, { job: 'requests-1', window: '2h' }, decode);
  expect(windowed.lines.size).toBe(1);
});

const faults: [what: string, line: string | object, reason: string][] = [
  ['no JSON', 'hello', 'line 2 is no JSON: Unexpected token'],
  ['JSON cut short', '{"payload":', 'line 2 is no JSON: '],
  ['no object', '[]', 'line 2 is no request: data is not a JSON object'],
  ['none of the shapes', {}, 'line 2 is no request: data has none of payload, custom_id and model'],
  ['an endpoint that is not allowed', { payload: chat, endpoint: '/v1/x' }, 'endpoint must be one of /v1/chat'],
  ['a deadline in milliseconds', { payload: chat, deadline: 1_795_460_000_000 }, 'deadline must be'],
  ['a window in other words', { payload: chat, window: '2 hours' }, 'window must be a duration like'],
  ['a stream', { ...chat, stream: true }, '"stream": true'],
  ['an id that is none', { id: 7, payload: chat }, 'id must be a string'],
];

test.each(faults)('%s is told with its line, before anything is sent', async (_what, line, reason) => {
  const refused = check(chat, line, chat);
  await expect(refused).rejects.toThrow(/^nothing was sent:\n {2}line 2 /);
  await expect(refused).rejects.toThrow(reason);
});

test('a fault shows no control characters of the line', async () => {
  const refused = await check('\u001b[31mred\u0007').catch((error: Error) => error.message.split('\n')[1]);
  expect(refused).toMatch(/^ {2}line 1 is no JSON: [\x20-\x7e…]+$/);
});

test('of many faults the first twenty are told, and how many more there are', async () => {
  const refused = await check(...Array.from({ length: 23 }, () => 'x')).catch((error: Error) => error.message);
  expect(refused).toContain('line 20 is no JSON');
  expect(refused).not.toContain('line 21');
  expect(refused).toMatch(/and 3 more$/);
});

test('a message counts with its attributes: one byte more than 10,000,000 is told', async () => {
  const bare = (content: string) => ({ model: 'm', messages: [{ role: 'user', content }] });
  const empty = JSON.stringify(bare('')).length;
  const attributes = Object.entries(attributesOf(terms, 1, false))
    .flat()
    .join('').length;
  const fits = bare('x'.repeat(10_000_000 - empty - attributes));
  expect((await check(fits)).lines.size).toBe(1);
  const refused = check(bare('x'.repeat(10_000_001 - empty - attributes)));
  await expect(refused).rejects.toThrow('line 1 has 10000001 bytes');
});

test('a file without a request is refused', async () => {
  await expect(check('', ' ')).rejects.toThrow('holds no request');
});

test.each([
  ['a folder', folder, 'FILE must name a file that can be read'],
  ['a file that is not there', join(folder, 'none'), 'FILE must name a file that can be read'],
  ['a device', '/dev/null', 'FILE must be a plain file'],
])('%s is refused', async (_what, path, fault) => {
  await expect(checkLines(path, terms, decode)).rejects.toThrow(fault);
});

test('attributes: the job, the window where one is set, an id where the line has none', () => {
  expect(attributesOf(terms, 7, true)).toEqual({ job: 'requests-1' });
  expect(attributesOf({ job: 'j', window: '2h' }, 7, false)).toEqual({ job: 'j', window: '2h', id: 'j-7' });
});
