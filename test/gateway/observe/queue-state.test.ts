import { expect, test } from 'vitest';
import { queueState } from '../../../gateway/observe/queue-state.ts';

const objectives = new Map(
  [
    { name: 'sheddable', priority: -1 },
    { name: 'standard', priority: 10 },
  ].map((objective) => [objective.name, objective]),
);
const nowMs = 1_000_000;
const seen = (objective: string, running: boolean, leftSeconds: number) => ({
  running,
  request: { objective },
  cost: { deadlineAtMs: nowMs + leftSeconds * 1000 },
});

test('requests are counted by objective, the highest priority first, and those that wait by the time they have left', () => {
  const requests = [
    seen('sheddable', true, 5),
    ...[-5, 60, 60.1, 600, 3600, 3601, Number.POSITIVE_INFINITY].map((left) => seen('sheddable', false, left)),
    seen('standard', false, 1),
    seen('gone from the configuration', false, 1),
  ];
  expect(queueState(requests, objectives, nowMs)).toEqual([
    { objective: 'standard', priority: 10, waiting: 1, waitingByLeft: [1, 0, 0, 0], inFlight: 0 },
    { objective: 'sheddable', priority: -1, waiting: 7, waitingByLeft: [2, 2, 1, 2], inFlight: 1 },
  ]);
});
