import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startupWait } from '../../../../functions/processor/observe/startup.ts';
import { monotonicClock } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const gatewayUrls = ['http://a.example', 'http://b.example'];

function world(reach: (url: string) => Promise<void>) {
  const clock = createManualClock();
  const startup = startupWait({ gatewayUrls, clock, reach });
  const ended = { isTrue: false };
  const ask = (): void => {
    void startup().then(() => {
      ended.isTrue = true;
    });
  };
  return { clock, ask, ended };
}

test('a gateway that accepts connections ends the wait, though another one does not', async () => {
  const { clock, ask, ended } = world((url) => (url.includes('//b') ? Promise.resolve() : Promise.reject(new Error())));
  ask();
  await clock.advance(0);
  expect(ended.isTrue).toBe(true);
});

test('a gateway that comes after a while ends it then', async () => {
  let isThere = false;
  const { clock, ask, ended } = world(() => (isThere ? Promise.resolve() : Promise.reject(new Error())));
  ask();
  await clock.advance(40_000);
  expect(ended.isTrue).toBe(false);
  isThere = true;
  await clock.advance(250);
  expect(ended.isTrue).toBe(true);
});

test('after 90 s from the start it is yes all the same, whoever asks and how often', async () => {
  let tries = 0;
  const { clock, ask, ended } = world(() => {
    tries += 1;
    return Promise.reject(new Error());
  });
  await clock.advance(30_000);
  ask();
  ask();
  await clock.advance(59_900);
  expect(ended.isTrue).toBe(false);
  await clock.advance(200);
  expect(ended.isTrue).toBe(true);
  expect(tries).toBe(2 * 240);
  expect(clock.pendingTimers()).toBe(0);
});

test('reached means that a TCP connection is accepted', async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await startupWait({ gatewayUrls: [`http://127.0.0.1:${port}/base`], clock: monotonicClock })();
  server.close();
});
