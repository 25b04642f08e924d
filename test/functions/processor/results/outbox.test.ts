import { describe, expect, test } from 'vitest';
import { Outbox } from '../../../../functions/processor/results/outbox.ts';
import { PublishError } from '../../../../functions/processor/results/publish-error.ts';
import type { Settlement } from '../../../../functions/processor/results/settlement.ts';
import { unix } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

/** A retry that is due on these topics, one after the other. */
const due = (...topics: readonly string[]): Settlement => ({
  stored: [],
  messages: topics.map((topic) => ({ topic, data: Buffer.from(topic), attributes: {} })),
  told: {
    event: 'retried',
    request: { id: 'doc', model: 'm', tenant: '', firstMessageId: '1', traceparent: '' },
    attempts: 1,
    why: '',
    retryAtMs: unix(0),
  },
});

/** An outbox whose topics do as the test says: confirm at once, take time, or fail. */
function setUp(behave: Readonly<Record<string, number | Error>> = {}) {
  const clock = createManualClock(0);
  const said: string[] = [];
  const published: string[] = [];
  const budgets: number[] = [];
  let released = 0;
  const outbox = new Outbox({
    clock,
    topics: { ended: (topic, message, health) => said.push(`${topic} ${message} ${health}`) },
    publish: async ({ topic }, budgetMs) => {
      budgets.push(budgetMs);
      const how = behave[topic] ?? 0;
      if (how instanceof Error) throw how;
      await clock.advance(how);
      published.push(topic);
    },
    onRelease: () => {
      released += 1;
    },
  });
  return { outbox, said, published, budgets, released: () => released };
}

const noAnswer = new Error('no answer in time');

test('publishes one after the other, within one budget for all', async () => {
  const { outbox, published, budgets, said } = setUp({ first: 4000 });
  expect(await outbox.publish('d', 'm', due('first', 'second'), 15_000)).toEqual({ isConfirmed: true });
  expect(published).toEqual(['first', 'second']);
  expect(budgets).toEqual([15_000, 11_000]);
  expect(said).toEqual(['first m well', 'second m well']);
});

test('the first that fails ends it, and is kept with all behind it, once', async () => {
  const { outbox, published } = setUp({ second: noAnswer });
  const all = due('first', 'second', 'third');
  expect(await outbox.publish('d', 'm', all, 15_000)).toEqual({ isConfirmed: false, error: noAnswer });
  expect(published).toEqual(['first']);
  expect(outbox.takeKept('other')).toBeUndefined();
  expect(outbox.takeKept('d')).toEqual({ ...all, messages: all.messages.slice(1) });
  expect(outbox.takeKept('d')).toBeUndefined();
});

describe('what is kept is bounded', () => {
  const nowhere = () => setUp({ lost: noAnswer }).outbox;
  const kept = (outbox: Outbox, count: number): number =>
    Array.from({ length: count }, (_, index) => outbox.takeKept(String(index))).filter(Boolean).length;

  test('by what small results hold beside their bytes', async () => {
    const outbox = nowhere();
    for (let index = 0; index < 20_000; index += 1) await outbox.publish(String(index), 'm', due('lost'), 1);
    // 64 MiB of 4 KiB and some bytes.
    expect(kept(outbox, 20_000)).toBe(16_368);
  });

  test('by the bytes of large ones, the oldest first', async () => {
    const outbox = nowhere();
    const large = { topic: 'lost', data: Buffer.alloc(7_000_000), attributes: { metadata: 'x'.repeat(1000) } };
    for (let index = 0; index < 20; index += 1) {
      await outbox.publish(String(index), 'm', { ...due(), messages: [large] }, 1);
    }
    expect(outbox.takeKept('10')).toBeUndefined();
    expect(kept(outbox, 20)).toBe(9);
  });

  test('and bytes that lie in memory with others do not keep those', async () => {
    const outbox = nowhere();
    const data = Buffer.alloc(1_000_000).subarray(0, 100);
    await outbox.publish('d', 'm', { ...due(), messages: [{ topic: 'lost', data, attributes: {} }] }, 1);
    expect(outbox.takeKept('d')?.messages[0]?.data.buffer.byteLength).toBe(100);
  });
});

describe('what a failure tells of its topic', () => {
  const refused = (code: number) => new PublishError('next', Object.assign(new Error('refused'), { code }));
  test.each([
    ['a second left of the budget', 15_000, 14_000, noAnswer, 'sick'],
    ['less left', 15_000, 14_001, noAnswer, 'unsaid'],
    ['no time left', 15_000, 16_000, noAnswer, 'unsaid'],
    ['a refusal of this very message', 15_000, 0, refused(3), 'unsaid'],
    ['a topic that is not there', 15_000, 0, refused(5), 'sick'],
  ])('%s', async (_, budgetMs, slowMs, error, says) => {
    const { outbox, said } = setUp({ slow: slowMs, next: error });
    expect(await outbox.publish('d', 'm', due('slow', 'next'), budgetMs)).toEqual({ isConfirmed: false, error });
    expect(said).toEqual(['slow m well', `next m ${says}`]);
  });
});

test('a message that is done with its topics frees them, whatever it told of them', () => {
  const { outbox, said, released } = setUp();
  outbox.release(['results', 'retries'], 'm');
  expect(said).toEqual(['results m unsaid', 'retries m unsaid']);
  expect(released()).toBe(1);
});
