import { expect, test } from 'vitest';
import { Engine } from '../../../../infra/local/model-server/engine/engine.ts';
import { PacedEngine } from '../../../../infra/local/model-server/engine/paced-engine.ts';
import { presets } from '../../../../infra/local/model-server/engine/presets.ts';

const request = { promptTokens: 10, outputTokens: 3, blockHashes: [], priority: 0 };

/** A clock that moves by hand, with timers that fire `lateMs` late. */
function start(speed = 1, lateMs = 0) {
  let nowMs = 1000;
  let timer: { atMs: number; run: () => void } | undefined;
  const ends: number[] = [];
  const engine = new Engine({ ...presets['h100-80g-llama3.1-8b-tp1']!, schedulingPolicy: 'fcfs' });
  const paced = new PacedEngine(engine, {
    speed,
    clock: {
      nowMs: () => nowMs,
      after: (delayMs, run) => {
        timer = { atMs: nowMs + delayMs + lateMs, run };
        return () => {
          timer = undefined;
        };
      },
    },
    onStepEnd: (_, endedAtMs) => ends.push(endedAtMs),
  });
  return {
    paced,
    engine,
    ends,
    nowMs: () => nowMs,
    waiting: () => timer !== undefined,
    fire() {
      const due = timer!;
      timer = undefined;
      nowMs = due.atMs;
      due.run();
    },
  };
}

// 7.805 + 10 · 0.006462 + 50 · 1.776e-6, then decodes over 10 and 11 tokens.
const durationsMs = [7.8697088, 7.8120615, 7.81212145];

test('each step ends after its own time, the last one leaves the engine idle', () => {
  const { paced, engine, ends, fire, waiting, nowMs } = start();
  paced.add(request);
  expect(ends).toEqual([]);
  for (const [index, durationMs] of durationsMs.entries()) {
    const beganAtMs = nowMs();
    fire();
    expect(ends[index]! - beganAtMs).toBeCloseTo(durationMs, 6);
  }
  expect(waiting()).toBe(false);
  expect(engine.gauges()).toEqual({ running: 0, waiting: 0, usedBlocks: 0 });
});

test('late timers do not add up', () => {
  const { paced, ends, fire, nowMs } = start(1, 3);
  paced.add(request);
  for (let step = 0; step < 3; step++) fire();
  expect(ends[2]! - 1000).toBeCloseTo(durationsMs[0]! + durationsMs[1]! + durationsMs[2]!, 6);
  expect(nowMs()).toBeCloseTo(ends[2]! + 3, 6);
});

test('steps shorter than a timer’s grain end together, each at its own time', () => {
  const { paced, ends, fire, waiting } = start(100, 1);
  paced.add(request);
  fire();
  expect(ends).toHaveLength(3);
  expect(ends[1]! - ends[0]!).toBeCloseTo(durationsMs[1]! / 100, 6);
  expect(waiting()).toBe(false);
});

test('a machine that cannot keep up still lets others have their turn', () => {
  const { paced, ends, fire, waiting } = start(1, 60_000);
  paced.add({ ...request, outputTokens: 500 });
  fire();
  expect(ends).toHaveLength(100);
  expect(waiting()).toBe(true);
});

test('stopped, it never fires again', () => {
  const { paced, waiting } = start();
  paced.add(request);
  paced.stop();
  expect(waiting()).toBe(false);
});
