import { describe, expect, test } from 'vitest';
import { freshLimit, type Limit } from '../../../../functions/processor/dispatch/limit.ts';
import { afterFullQueue, afterQueued } from '../../../../functions/processor/dispatch/queued-limit.ts';

const ceiling = 64;
const at = (calls: number, isStarting = false): Limit => ({ ...freshLimit, calls, isStarting });

describe('an answer out of a queue', () => {
  const rows: [string, Limit, number, number][] = [
    ['in slow start grows the limit fourfold in a round trip', at(8, true), 8, 11],
    ['later adds one call in a round trip', at(8), 8, 8.125],
    ['of a large limit a sixteenth', at(32), 32, 32 + 2 / 32],
    ['up to the ceiling', at(64), 64, 64],
    ['and nothing while half of it is not used', at(8), 3, 8],
  ];
  test.each(rows)('%s', (_, limit, inFlight, expected) => {
    expect(afterQueued(limit, { share: 1 / limit.calls, inFlight, ceiling }).calls).toBeCloseTo(expected, 9);
  });
});

describe('a full queue', () => {
  const rows: [string, Limit, number, number][] = [
    ['takes one call less than were under way', at(20), 20, 19],
    ['however large the limit was', at(40, true), 20, 19],
    ['never more than before', at(20), 30, 20],
    ['one at least', at(1), 1, 1],
  ];
  test.each(rows)('%s', (_, limit, inFlight, expected) => {
    expect(afterFullQueue(limit, inFlight)).toMatchObject({ calls: expected, isStarting: false });
  });
});
