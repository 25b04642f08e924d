import { expect, test } from 'vitest';
import type { BreakerBoard } from '../../../../functions/processor/dispatch/breaker-board.ts';
import { Outbox } from '../../../../functions/processor/results/outbox.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

test.each([
  ['a second', 15_000, 14_000, 'sick'],
  ['less', 15_000, 14_001, 'unsaid'],
  ['no time', 15_000, 16_000, 'unsaid'],
])('a topic with %s left of the budget that does not confirm', async (_, budgetMs, firstTakesMs, says) => {
  const clock = createManualClock(0);
  const said: string[] = [];
  const topics = { ended: (topic: string, _message: string, health: string) => said.push(`${topic} ${health}`) };
  const publisher = {
    publish: async ({ topic }: { topic: string }) => {
      if (topic === 'slow') await clock.advance(firstTakesMs);
      else throw new Error('no answer in time');
    },
  };
  const outbox = new Outbox(publisher, topics as unknown as BreakerBoard, clock, () => {});
  const messages = ['slow', 'next'].map((topic) => ({ topic, data: new Uint8Array(), attributes: {} }));
  const due = { messages, onPublished: () => {}, onFailed: () => {} };
  expect(await outbox.publish('delivery', 'message', due, budgetMs)).toBe(false);
  expect(said).toEqual(['slow well', `next ${says}`]);
});
