import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Topic } from '@google-cloud/pubsub';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type CheckedLine, checkLines } from '../../../infra/cli/submit/check-lines.ts';
import { publishLines } from '../../../infra/cli/submit/publish-lines.ts';
import { until } from '../../support/poll.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-publish-'));
const file = join(folder, 'requests.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

let lines: ReadonlyMap<number, CheckedLine>;
/** Every publish so far, to be confirmed or refused. */
let sent: { readonly text: string; confirm(): void; refuse(error: Error): void }[];
let confirmed: string[];
const nothing = new AbortController();

beforeEach(() => {
  sent = [];
  confirmed = [];
});

async function checked(...texts: string[]): Promise<void> {
  writeFileSync(file, texts.join('\n'));
  const decode = () => ({ id: 'x', endpoint: '/v1/completions', model: 'm' });
  ({ lines } = await checkLines(file, { job: 'j', window: undefined }, decode));
}

function publish({ known = [] as number[], signal = nothing.signal } = {}) {
  const done = new Set(known);
  const topic = {
    name: 'requests',
    publishMessage: ({ data }: { data: Buffer }) =>
      new Promise<string>((resolve, reject) => {
        const text = data.toString();
        sent.push({ text, confirm: () => resolve(`message ${text}`), refuse: reject });
      }),
  } as unknown as Topic;
  const publishing = publishLines(
    {
      topic,
      file,
      lines,
      attributesOf: () => ({ job: 'j' }),
      isNew: (line) => lines.has(line) && !done.has(line),
      confirmed: ({ messageId, line }) => {
        done.add(line);
        confirmed.push(`${line}: ${messageId}`);
      },
    },
    signal,
  );
  // Its end is looked at later.
  publishing.catch(() => {});
  return publishing;
}

const allSent = (count: number) => until(() => sent.length === count, { what: `${count} publishes` });

test('new lines are sent in order, and it ends when all are confirmed', async () => {
  await checked('1', '2', '3');
  const publishing = publish({ known: [2] });
  await allSent(2);
  expect(sent.map(({ text }) => text)).toEqual(['1', '3']);
  for (const { confirm } of sent) confirm();
  await publishing;
  expect(confirmed).toEqual(['1: message 1', '3: message 3']);
});

test('at most 1,000 are unconfirmed', async () => {
  await checked(...Array.from({ length: 1500 }, (_, index) => `${index}`));
  const publishing = publish();
  await allSent(1000);
  sent[0]?.confirm();
  await allSent(1001);
  for (let index = 0; index < 1500; index += 1) {
    await until(() => sent.length > index, { what: `publish ${index}` });
    sent[index]?.confirm();
  }
  await publishing;
  expect(confirmed).toHaveLength(1500);
});

test('at most 64 MiB are unconfirmed, and one line more', async () => {
  await checked(...Array.from({ length: 10 }, (_, index) => `${index}${'x'.repeat(9_000_000)}`));
  const publishing = publish();
  await allSent(8);
  sent[0]?.confirm();
  await allSent(9);
  for (const { confirm } of sent) confirm();
  await allSent(10);
  sent[9]?.confirm();
  await publishing;
});

test('one that is refused ends it with its line, after the others are known', async () => {
  await checked('1', '2', '3');
  const publishing = publish();
  await allSent(3);
  sent[1]?.refuse(new Error('NOT_FOUND'));
  sent[2]?.confirm();
  sent[0]?.confirm();
  await expect(publishing).rejects.toThrow('line 2 cannot be published to requests: NOT_FOUND');
  expect(confirmed).toHaveLength(2);
});

test('stopped, it waits for what is on its way', async () => {
  await checked(...Array.from({ length: 1200 }, (_, index) => `${index}`));
  const stopping = new AbortController();
  const publishing = publish({ signal: stopping.signal });
  await allSent(1000);
  stopping.abort();
  for (const { confirm } of sent) confirm();
  await publishing;
  expect(confirmed.length).toBeGreaterThanOrEqual(1000);
  expect(confirmed.length).toBeLessThan(1200);
});

test.each([
  ['has changed', ['1', 'x'], 'line 2 of'],
  ['has become shorter', ['1'], 'has become shorter'],
])('a file that %s since it was checked is told', async (_what, texts, fault) => {
  await checked('1', '2');
  writeFileSync(file, texts.join('\n'));
  const publishing = publish();
  await allSent(1);
  sent[0]?.confirm();
  await expect(publishing).rejects.toThrow(fault);
});
