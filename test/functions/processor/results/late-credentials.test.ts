import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createMonitoring } from '../../../../functions/processor/capacity/monitoring.ts';
import { connectTopics } from '../../../../functions/processor/results/pubsub-topics.ts';
import { monotonicClock, wallClock } from '../../../../shared/runtime/clock.ts';
import { until } from '../../../support/poll.ts';

/** A busy machine may take long to connect; nothing here waits for a time to be over. */
const patienceMs = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
const keyFile = join(folder, 'key.json');
/** What gRPC would connect to, were there a way. */
const wanted = new Set<string>();
const proxy = createServer().on('connect', (request, socket) => {
  wanted.add(request.url ?? '');
  socket.end('HTTP/1.1 502 no way\r\n\r\n');
});
await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
vi.stubEnv('grpc_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', keyFile);
vi.stubEnv('GRPC_VERBOSITY', 'NONE');
afterAll(() => {
  proxy.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => rmSync(keyFile, { force: true }));

const publish = connectTopics('test', monotonicClock);
const read = createMonitoring({ project: 'test', endpoint: undefined }, wallClock);

// An error that a client throws where it cannot be caught fails the run.
test.each<[string, string, () => Promise<unknown>]>([
  ['Pub/Sub', 'pubsub', () => publish({ topic: 't', data: Buffer.from('x'), attributes: {} }, true)],
  ['Monitoring', 'monitoring', () => read('metric.type = "m"', 60_000)],
])(
  'credentials that could not be read at first are looked for again, for %s',
  async (_, service, use) => {
    await expect(use()).rejects.toThrow(/credential file/);
    await expect(use()).rejects.toThrow(/credential file/);
    const host = `${service}.googleapis.com:443`;
    expect(wanted.has(host)).toBe(false);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(keyFile, JSON.stringify({ type: 'service_account', client_email: 'a@b.c', private_key: key }));
    const connects = async (): Promise<boolean> => {
      await use().catch((error: Error) => expect(error.message).not.toMatch(/credential file/));
      return wanted.has(host);
    };
    await until(connects, { what: 'a connection', timeoutMs: patienceMs });
  },
  patienceMs,
);
