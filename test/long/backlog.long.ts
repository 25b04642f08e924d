import { expect, test } from 'vitest';
import { type BacklogOptions, workOff } from '../support/backlog.ts';
import { report } from '../support/report.ts';

const messages = 10_000;
const runs: [string, BacklogOptions][] = [
  ['undisturbed', { messages }],
  ['a tenth of deliveries made twice', { messages, duplicateRate: 0.1 }],
  ['the function killed halfway', { messages, kill: 'function' }],
  ['Pub/Sub killed halfway', { messages, kill: 'pubsub' }],
  ['a model server dead from halfway', { messages, kill: 'model-server' }],
  ['deliveries made twice and the function killed', { messages, duplicateRate: 0.1, kill: 'function' }],
];

test.each(runs)('10,000 messages, %s', async (name, options) => {
  const result = await workOff({ ...options, timeoutMs: 10 * 60_000 });
  report(`10,000 messages, ${name}`, {
    answered: result.answered,
    lost: result.lost.length,
    'answered twice': result.answeredTwice,
    'of these called twice': result.calledTwice,
    'messages a second': Math.round(result.messages / result.seconds),
  });
  expect(result).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
});
