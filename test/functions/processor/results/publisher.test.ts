import { type AddressInfo, createServer } from 'node:net';
import { afterAll, expect, test, vi } from 'vitest';
import { createPublisher } from '../../../../functions/processor/results/publisher.ts';

/** Takes connections, and says nothing. */
const silent = createServer();
await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
afterAll(() => silent.close());

test('an attempt ends with its budget', async () => {
  vi.stubEnv('PUBSUB_EMULATOR_HOST', `127.0.0.1:${(silent.address() as AddressInfo).port}`);
  const publisher = createPublisher('test');
  const message = { topic: 't', data: Buffer.from('x'), attributes: {} };
  await expect(publisher.publish(message, 200)).rejects.toThrow('publishing to t failed: no answer in time');
});
