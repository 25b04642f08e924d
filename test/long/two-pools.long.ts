import { expect, test } from 'vitest';
import { report } from '../support/report.ts';
import { measureFreePool, type TwoPoolsRound } from '../support/two-pools.ts';

const round = { messages: 5000, warmUpMs: 15_000, measureMs: 20_000 };

/** In turns, so that what else the machine does meets both alike. */
test('two pools, one full: the other works as if it were alone', async () => {
  const alone: TwoPoolsRound[] = [];
  const beside: TwoPoolsRound[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    alone.push(await measureFreePool({ ...round, besideFullPool: false }));
    beside.push(await measureFreePool({ ...round, besideFullPool: true }));
  }
  const [perSecondAlone, perSecondBeside] = [alone, beside].map((rounds) => median(rounds));
  const share = (perSecondBeside ?? 0) / (perSecondAlone ?? Number.NaN);
  report('two pools, one full', {
    'messages a second alone': perSecondAlone?.toFixed(1) ?? '',
    'beside a full pool': perSecondBeside?.toFixed(1) ?? '',
    share: share.toFixed(3),
  });
  expect(beside.every(({ ofFullPool }) => ofFullPool === 0)).toBe(true);
  expect(share).toBeGreaterThanOrEqual(0.95);
});

function median(rounds: readonly TwoPoolsRound[]): number {
  return rounds.map(({ perSecond }) => perSecond).toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
}
