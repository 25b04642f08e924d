import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message, Subscription } from '@google-cloud/pubsub';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ResultCollector } from '../../../infra/cli/submit/collect-results.ts';
import { ResultFile } from '../../../infra/cli/submit/result-file.ts';
import { Submission } from '../../../infra/cli/submit/submission.ts';

let folder: string;
let results: ResultFile;
let submission: Submission;
let collector: ResultCollector;
let subscription: Subscription;
let handled: string[];
const stopping = new AbortController();
const lines = new Map([1, 2].map((line) => [line, { hash: `${line}`, bringsId: true }]));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backfill-collect-'));
  results = new ResultFile(join(folder, 'out.jsonl'), join(folder, 'in.jsonl'), lines, 'job');
  submission = new Submission(lines.keys());
  collector = new ResultCollector(submission, results);
  handled = [];
  subscription = Object.assign(new EventEmitter(), {
    name: 'submit-job',
    close: async () => void handled.push('closed'),
  }) as unknown as Subscription;
});
afterEach(() => {
  results.close();
  rmSync(folder, { recursive: true });
});

function arrives(messageId: string, text = '{}', attributes: Record<string, string> = {}): void {
  const message = {
    data: Buffer.from(text),
    attributes: { first_message_id: messageId, status: 'succeeded', ...attributes },
    ack: () => void handled.push(`ack ${messageId}`),
    nack: () => void handled.push(`nack ${messageId}`),
  };
  subscription.emit('message', message as unknown as Message);
}

function confirm(messageId: string, line: number): void {
  const published = { messageId, line, hash: `${line}` };
  results.recordPublished(published);
  submission.confirmPublished(messageId, line);
  collector.published(published);
}

const written = () => readFileSync(join(folder, 'out.jsonl'), 'utf8').split('\n').slice(0, -1);

test('a result is written before its ack, and the last one ends it', async () => {
  const collecting = collector.collect(subscription, stopping.signal);
  confirm('5', 1);
  confirm('6', 2);
  collector.publishingEnded();
  arrives('6', '{"n":6}');
  expect([written(), handled]).toEqual([['{"line":2,"n":6}'], ['ack 6']]);
  arrives('6', '{"n":66}');
  arrives('5', '{"n":5}', { status: 'failed', status_code: '500' });
  await collecting;
  expect(written()).toEqual(['{"line":2,"n":6}', '{"line":1,"n":5}']);
  expect(handled).toEqual(['ack 6', 'ack 6', 'ack 5', 'closed']);
  expect(submission.progress).toMatchObject({ failed: 1, duplicates: 1 });
});

test('a result that comes before its publish is confirmed waits for that', async () => {
  const collecting = collector.collect(subscription, stopping.signal);
  arrives('5', '{"n":1}');
  arrives('5', '{"n":2}');
  expect([written(), handled]).toEqual([[], []]);
  confirm('5', 1);
  expect([written(), handled]).toEqual([['{"line":1,"n":1}'], ['ack 5', 'ack 5']]);
  confirm('6', 2);
  arrives('6');
  await collecting;
});

test('a result of a message that a killed run did not record is dropped once everything is published', async () => {
  const collecting = collector.collect(subscription, stopping.signal);
  arrives('lost');
  confirm('5', 1);
  confirm('6', 2);
  expect(handled).toEqual([]);
  collector.publishingEnded();
  expect(handled).toEqual(['ack lost']);
  arrives('lost');
  expect([handled, written()]).toEqual([['ack lost', 'ack lost'], []]);
  arrives('5');
  arrives('6');
  await collecting;
  expect(submission.progress).toMatchObject({ answered: 2, duplicates: 2 });
});

test('stopped, it gives back what comes', async () => {
  const stop = new AbortController();
  const collecting = collector.collect(subscription, stop.signal);
  stop.abort();
  await collecting;
  arrives('5');
  expect(handled).toEqual(['closed', 'nack 5']);
});

test('a subscription that fails ends it with its name', async () => {
  const collecting = collector.collect(subscription, stopping.signal);
  subscription.emit('error', new Error('PERMISSION_DENIED'));
  await expect(collecting).rejects.toThrow('cannot read results from submit-job: PERMISSION_DENIED');
  expect(handled).toEqual(['closed']);
});

test('a result that cannot be written is not acked, and ends it', async () => {
  const collecting = collector.collect(subscription, stopping.signal);
  confirm('5', 1);
  results.writeResult = () => {
    throw new Error('ENOSPC');
  };
  arrives('5');
  await expect(collecting).rejects.toThrow('ENOSPC');
  expect(handled).toEqual(['closed']);
});
