import { beforeEach, expect, test } from 'vitest';
import { EngineSteps, type SteppedStream } from '../../../../gateway/endpoint/latency/engine-steps.ts';
import { StepModel } from '../../../../gateway/endpoint/latency/step-model.ts';
import { nextGaps, noGaps, type StreamGaps, TokenGaps } from '../../../../gateway/endpoint/latency/token-gaps.ts';
import { knownSteps } from '../../../support/known-steps.ts';

const learned: { readonly ms: number; readonly decodes: number; readonly promptTokens: number }[] = [];
const work = {
  generating: { decodes: 0, contextTokens: 0 },
  computing: false,
  mayHaveComputed: () => work.computing,
  gaps: { chunkGapMs: 0 },
};
let steps: EngineSteps;

class RecordingModel extends StepModel {
  override learnStep(...[load, ms, slowness]: Parameters<StepModel['learnStep']>): void {
    learned.push({ ms, decodes: load.decodes, promptTokens: load.promptTokens });
    super.learnStep(load, ms, slowness);
  }
}

const streamOf = (tokens = 0, openedAtMs = 0, streamGaps: StreamGaps = { gaps: 1, meanMs: 10 }): SteppedStream => ({
  openedAtMs,
  streamGaps,
  prompt: { tokens, pairs: 0 },
  step: -1,
});

function chunks(streams: readonly SteppedStream[], nowMs: number): void {
  for (const stream of streams) steps.chunk(stream, false, nowMs);
}

beforeEach(() => {
  learned.length = 0;
  Object.assign(work, { generating: { decodes: 2, contextTokens: 0 }, computing: false, gaps: { chunkGapMs: 0 } });
  steps = new EngineSteps(new RecordingModel(), work);
  steps.beganIdle(0);
});

test('a step is the time between two chunks of the same stream; chunks of others in between belong to it', () => {
  const [a, b] = [streamOf(), streamOf()];
  for (const [atMs, each] of [
    [10, a],
    [11, b],
    [30, a],
    [31, b],
    [50, b],
    [52, a],
    [70, b],
  ] as const) {
    chunks([each], atMs);
  }
  // What a step was is known when the next one ends; the first one began when the engine was idle.
  expect(learned.map(({ ms }) => ms)).toEqual([30, 20]);
  expect([steps.startedAtMs, steps.lastStartedAtMs, steps.secondLastStartedAtMs]).toEqual([70, 50, 30]);
});

test('prompts whose first tokens come with its end are its prompts', () => {
  const a = streamOf();
  for (const atMs of [10, 20, 30]) chunks([a], atMs);
  steps.chunk(a, false, 60);
  steps.chunk(streamOf(500, 25), true, 60);
  steps.chunk(streamOf(300, 25), true, 61);
  chunks([a], 70);
  expect(learned.at(-1)).toEqual({ ms: 30, decodes: 2, promptTokens: 800 });
});

test('a prompt that may have been begun in the step before teaches nothing', () => {
  const a = streamOf();
  for (const atMs of [10, 20, 30, 40]) chunks([a], atMs);
  steps.chunk(a, false, 60);
  const before = learned.length;
  steps.chunk(streamOf(500, 9), true, 60);
  chunks([a], 70);
  expect(learned.length).toBe(before);
});

test.each([
  ['a model that knows nothing', () => new RecordingModel()],
  ['a model that knows', () => Object.assign(knownSteps(), { learnStep: RecordingModel.prototype.learnStep })],
])('steps that no stream saw are not those before a prompt that came meanwhile: %s', (_, model) => {
  steps = new EngineSteps(model(), work);
  steps.beganIdle(0);
  const a = streamOf();
  work.gaps.chunkGapMs = 10;
  for (const atMs of [10, 20, 30, 40, 50]) chunks([a], atMs);
  learned.length = 0;
  // The only stream ends; answers that come whole go on. A long prompt is computed in pieces.
  work.gaps.chunkGapMs = 0;
  const long = streamOf(6000, 51);
  steps.chunk(long, true, 250);
  for (const atMs of [260, 270, 280, 290]) chunks([long], atMs);
  expect(learned.map(({ promptTokens }) => promptTokens)).not.toContain(6000);
  // The step before, the one that no stream saw, and two after it do not count.
  expect(learned.map(({ ms }) => ms)).toEqual([10, 10]);
});

test('an answer that comes whole shows no step: what it began is not seen', () => {
  steps.beganIdle(0, false);
  const a = streamOf(500, 100);
  steps.chunk(a, true, 200);
  for (const atMs of [210, 220, 230]) chunks([a], atMs);
  expect(learned).toEqual([]);
  chunks([a], 240);
  expect(learned).toEqual([{ ms: 10, decodes: 2, promptTokens: 0 }]);
});

test('while a prompt without a first token may be computed, steps teach nothing', () => {
  work.computing = true;
  for (const atMs of [10, 20, 30, 40]) chunks([streamOf()], atMs);
  expect(learned).toEqual([]);
});

test('a first prompt on an idle engine is a step of its own, less the overhead of a request', () => {
  work.generating = { decodes: 0, contextTokens: 0 };
  const a = streamOf(500, 0);
  steps.chunk(a, true, 40);
  work.generating = { decodes: 1, contextTokens: 500 };
  chunks([a], 50);
  expect(learned).toEqual([{ ms: 39, decodes: 0, promptTokens: 500 }]);
});

test('two chunks of one stream at once are one end of a step, once the model knows how long a step is', () => {
  work.generating = { decodes: 1, contextTokens: 0 };
  const model = new StepModel();
  const known = new EngineSteps(model, work);
  for (let step = 0; step < 32; step += 1) {
    model.learnStep(
      { decodes: 1, contextTokens: 0, promptTokens: (step % 2) * 500, promptPairs: 0 },
      10 + (step % 2) * 20,
      1,
    );
  }
  const a = streamOf();
  for (const atMs of [10, 10.5, 20, 20.5]) known.chunk(a, false, atMs);
  expect([known.startedAtMs, known.lastStartedAtMs]).toEqual([20, 10]);
});

test('chunks that come in bursts while nothing is known yet are no steps, nor is the event that begins a stream', () => {
  const model = new StepModel();
  const bursting = new EngineSteps(model, work);
  bursting.beganIdle(0);
  work.generating = { decodes: 0, contextTokens: 0 };
  let [nowMs, lastAtMs] = [0, 0];
  for (let request = 0; request < 40; request += 1) {
    const stream = streamOf(500, nowMs, noGaps);
    const take = (afterMs: number, isFirst = false) => {
      nowMs += afterMs;
      bursting.chunk(stream, isFirst, nowMs);
      if (!isFirst) Object.assign(stream, { streamGaps: nextGaps(stream.streamGaps, nowMs - lastAtMs) });
      lastAtMs = nowMs;
      work.generating = { decodes: 1, contextTokens: 0 };
    };
    take(30, true);
    // Its first token, right after the event that begins it; then two that came late, together.
    for (const afterMs of [0.1, 10, 10, 20, 0.05, 10, 10]) take(afterMs);
    work.generating = { decodes: 0, contextTokens: 0 };
    bursting.beganIdle(nowMs);
  }
  expect(model.trusted).toBe(true);
  expect(model.stepMs({ decodes: 1, contextTokens: 0, promptTokens: 0, promptPairs: 0 })).toBeGreaterThan(8);
});

test('several streams, each of which begins with two chunks at once, are not steps of their own', () => {
  const model = new StepModel();
  const gaps = new TokenGaps();
  const several = new EngineSteps(model, { ...work, generating: { decodes: 3, contextTokens: 0 }, gaps });
  let nowMs = 0;
  const begin = () => {
    const stream = { ...streamOf(500, nowMs - 15, noGaps), lastChunkAtMs: nowMs };
    several.chunk(stream, true, nowMs);
    gaps.add(stream);
    return stream;
  };
  const take = (stream: ReturnType<typeof begin>) => {
    several.chunk(stream, false, nowMs);
    const streamGaps = nextGaps(stream.streamGaps, nowMs - stream.lastChunkAtMs);
    Object.assign(stream, { streamGaps, lastChunkAtMs: nowMs });
    gaps.recordChunk(nowMs);
  };
  const running: ReturnType<typeof begin>[] = [];
  for (let step = 0; step < 200; step += 1) {
    const [first] = running;
    // Each third step computes a prompt, in 30 ms instead of 10; its stream takes the place of the oldest.
    nowMs += step % 3 === 0 ? 30 : 10;
    for (const stream of running) {
      take(stream);
      nowMs += 0.1;
    }
    if (step % 3 !== 0) continue;
    if (running.length === 3 && first) running.shift();
    running.push(begin());
    nowMs += 0.1;
    take(running.at(-1)!);
  }
  expect(model.trusted).toBe(true);
  expect(model.stepMs({ decodes: 3, contextTokens: 0, promptTokens: 0, promptPairs: 0 })).toBeCloseTo(10, -1);
  expect(model.promptMs(500, 0)).toBeGreaterThan(15);
});

test('a model that began with steps that were too long learns of shorter ones', () => {
  const model = new StepModel();
  const load = { decodes: 1, contextTokens: 0, promptTokens: 0, promptPairs: 0 };
  for (let step = 0; step < 32; step += 1) model.learnStep({ ...load, promptTokens: step % 2 }, 200, 1);
  work.generating = { decodes: 1, contextTokens: 0 };
  const known = new EngineSteps(model, work);
  const stream = streamOf(0, 0, { gaps: 4, meanMs: 10 });
  for (let nowMs = 10; nowMs <= 10_000; nowMs += 10) known.chunk(stream, false, nowMs);
  expect([known.startedAtMs, known.lastStartedAtMs]).toEqual([10_000, 9990]);
});

test('reading how slow it is changes nothing, and a step that is overdue counts', () => {
  const load = { decodes: 1, contextTokens: 0, promptTokens: 0, promptPairs: 0 };
  const model = new StepModel();
  const known = new EngineSteps(model, work);
  for (let step = 0; step < 32; step += 1) model.learnStep({ ...load, promptTokens: step % 2 }, 10, 1);
  expect(known.slownessWhile(load, 90, 1000)).toBeGreaterThan(1.4);
  expect(known.slowness(1000)).toBe(1);
});

test('how slow an engine is when it is alone is seen alone, and not forgotten under load', () => {
  const model = knownSteps();
  steps = new EngineSteps(model, work);
  steps.beganIdle(0);
  const stream = streamOf();
  let nowMs = 0;
  const run = (decodes: number, stepMs: number) => {
    Object.assign(work, { generating: { decodes, contextTokens: 0 } });
    for (let step = 0; step < 100; step += 1) {
      nowMs += stepMs;
      chunks([stream], nowMs);
    }
  };
  expect(steps.seenAlone).toBe(false);
  run(1, 16);
  expect(steps.slownessAlone).toBeCloseTo(2, 0);
  expect(steps.seenAlone).toBe(true);
  const alone = steps.slownessAlone;
  run(8, 80);
  expect(steps.slowness(nowMs)).toBeGreaterThan(3);
  // The last step alone was learned with the first one under load.
  expect(Math.abs(steps.slownessAlone - alone)).toBeLessThan(0.1);
});
