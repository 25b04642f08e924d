import { expect, test } from 'vitest';
import { BufferedBytes } from '../../../functions/processor/buffered-bytes.ts';
import { Control } from '../../../functions/processor/control/control.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { keptByScavenges } from '../../support/retained-memory.ts';
import { setUp } from './dispatch/queue-world.ts';

const nothing = (): void => undefined;

/** What is handed a text to hold, and gives what lets go of it. */
type Use = (text: string) => () => unknown;

function watches(): Use {
  const clock = createManualClock(0);
  const control = new Control({ store: undefined, clock, wall: clock, onChanged: nothing, onFault: nothing });
  return (text) => control.watch({ id: [text], job: [], tenant: [], subscription: [], pool: [] }, nothing);
}

function answers(): Use {
  const bodies = new BufferedBytes(1_000_000_000);
  return (text) => bodies.holdAnswer(text.length, () => text);
}

function waitingCalls(): Use {
  const { ask } = setUp({ ceiling: 1, maxWaiting: 1000, maxWaitingBytes: 1e9 });
  ask();
  return (text) => {
    const stop = new AbortController();
    const { done } = ask({ job: text, signal: stop.signal });
    return async () => {
      stop.abort();
      expect(await done).toEqual({ got: 'aborted' });
    };
  };
}

test.each([
  ['watched messages', watches],
  ['answers with their room', answers],
  ['calls that wait', waitingCalls],
])('%s: what is over is free at the next scavenge', async (_, begin) => {
  const kept = await keptByScavenges(begin());
  expect(kept).toBeLessThan(0.1);
});
