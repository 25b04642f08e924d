import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { cutUnlessReadWithin } from '../../../gateway/edges/write-refusal.ts';
import { until } from '../../support/poll.ts';

class Unread extends EventEmitter {
  destroyed = false;
  readonly writableLength: number;

  constructor(writableLength: number) {
    super();
    this.writableLength = writableLength;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

test('the end of an answer that is not read in time is cut; one that is read, before or meanwhile, is not', async () => {
  const [unread, readBefore, readMeanwhile] = [new Unread(10), new Unread(0), new Unread(10)];
  for (const each of [readBefore, readMeanwhile, unread]) cutUnlessReadWithin(20, each as unknown as ServerResponse);
  readMeanwhile.emit('close');
  await until(() => unread.destroyed, { what: 'it to be cut' });
  expect([readBefore.destroyed, readMeanwhile.destroyed]).toEqual([false, false]);
});
