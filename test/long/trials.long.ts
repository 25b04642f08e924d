import { expect, test } from 'vitest';
import { backfill, llmDAsync } from '../support/trials/processors.ts';
import { type TrialOutcome, trials } from '../support/trials/trials.ts';

/** A breaker probes at intervals of a tenth of the outage; the rest is for the message to come and for a busy machine. */
const soonSeconds = 4;
/** A neighbour's results, by contract. */
const neighbourSeconds = 60;
/** What was pushed to a function that was dead comes again after Pub/Sub's longest pause, once it has been refused often enough. */
const afterKillsSeconds = 180;
const theirs = llmDAsync();

const outcomes = new Map<string, readonly TrialOutcome[]>();

test.each([backfill, ...(theirs ? [theirs] : [])])('$name', async (processor) => {
  outcomes.set(processor.name, await Promise.all(trials.map((trial) => trial.run(processor))));
});

test('all is answered, soon, and no less than by another processor', () => {
  process.stdout.write(`${table(outcomes)}\n`);
  const [ours = [], others = []] = [...outcomes.values()];
  for (const [index, { name }] of trials.entries()) {
    const mine = ours[index]!;
    const isPoison = name.includes('poison');
    const mostSeconds = isPoison ? neighbourSeconds : name.includes('kill') ? afterKillsSeconds : soonSeconds;
    expect.soft(mine, name).toMatchObject({ succeeded: mine.wanted, lost: 0, deadLettered: isPoison ? 8 : 0 });
    expect.soft(mine.delaySeconds, `${name}: delay`).toBeLessThanOrEqual(mostSeconds);
    const other = others[index];
    if (other) expect.soft(mine.lost, `${name}: lost`).toBeLessThanOrEqual(other.lost);
  }
});

function table(outcomes: ReadonlyMap<string, readonly TrialOutcome[]>): string {
  const head = ['trial', 'delay', ...outcomes.keys()];
  const rows = trials.map(({ name, delayOf }, index) => [
    name,
    delayOf,
    ...[...outcomes.values()].map((all) => describeOutcome(all[index]!)),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function describeOutcome({ wanted, succeeded, lost, doubled, deadLettered, delaySeconds }: TrialOutcome): string {
  const seconds = Number.isFinite(delaySeconds) ? `${delaySeconds} s` : 'never';
  return `${succeeded} of ${wanted}, lost ${lost}, twice ${doubled}, dead-lettered ${deadLettered}, ${seconds}`;
}
