import { describe, expect, test } from 'vitest';
import { workOff } from '../support/backlog.ts';

const messages = 1000;

describe('a thousand messages, and none is lost', { timeout: 120_000 }, () => {
  test('undisturbed', async () => {
    const report = await workOff({ messages });
    expect(report).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
  });

  test('a tenth of deliveries made twice', async () => {
    const report = await workOff({ messages, duplicateRate: 0.1 });
    expect(report).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
    expect(report.answeredTwice).toBeGreaterThan(0);
  });

  test('the function killed halfway', async () => {
    const report = await workOff({ messages, kill: 'function' });
    expect(report).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
  });

  test('Pub/Sub killed halfway', async () => {
    const report = await workOff({ messages, kill: 'pubsub' });
    expect(report).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
  });

  test('a model server dies halfway', async () => {
    const report = await workOff({ messages, kill: 'model-server' });
    expect(report).toMatchObject({ answered: messages, succeeded: messages, lost: [], deadLettered: 0 });
  });
});
