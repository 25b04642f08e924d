import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createMonitoring } from '../../../../functions/processor/capacity/monitoring.ts';
import { createPublisher } from '../../../../functions/processor/results/publisher.ts';
import { wallClock } from '../../../../shared/runtime/clock.ts';
import { until } from '../../../support/poll.ts';

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

const publisher = createPublisher('test');
const read = createMonitoring({ project: 'test', endpoint: undefined }, wallClock);

// An error that a client throws where nobody can catch it fails the run.
test.each<[string, string, () => Promise<unknown>]>([
  ['Pub/Sub', 'pubsub', () => publisher.publish({ topic: 't', data: Buffer.from('x'), attributes: {} }, 150)],
  ['Monitoring', 'monitoring', () => read('metric.type = "m"', 60_000)],
])('credentials that could not be read at first are looked for again, for %s', async (_, service, use) => {
  await expect(use()).rejects.toThrow(/credential file/);
  await expect(use()).rejects.toThrow(/credential file/);
  expect(wanted.has(`${service}.googleapis.com:443`)).toBe(false);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(keyFile, JSON.stringify({ type: 'service_account', client_email: 'a@b.c', private_key: key }));
  await expect(use()).rejects.not.toThrow(/credential file/);
  await until(() => wanted.has(`${service}.googleapis.com:443`), { what: 'a connection' });
});
