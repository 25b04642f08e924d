import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Engine } from '../../../../infra/local/model-server/engine/engine.ts';
import { presets } from '../../../../infra/local/model-server/engine/presets.ts';
import type { EngineRequest, Sequence } from '../../../../infra/local/model-server/engine/sequence.ts';

const kvCacheTokens = 384;
const action = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      promptTokens: fc.integer({ min: 1, max: 200 }),
      outputTokens: fc.integer({ min: 0, max: 150 }),
      family: fc.integer({ min: 0, max: 2 }),
      priority: fc.integer({ min: -2, max: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }) },
);

test('whatever comes and goes: every request ends once with its tokens, and nothing is left behind', () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 80 }),
      fc.constantFrom('fcfs' as const, 'priority' as const),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 64 }),
      fc.constantFrom(16, 128),
      (actions, schedulingPolicy, maxNumSeqs, maxNumBatchedTokens, blockTokens) => {
        const { coefficients } = presets['rtx4090-llama3.1-8b']!;
        const blocks = kvCacheTokens / blockTokens;
        const limits = { blocks, blockTokens, maxNumSeqs, maxNumBatchedTokens };
        const engine = new Engine({ coefficients, ...limits, schedulingPolicy });
        const open: Sequence<EngineRequest>[] = [];
        const emitted = new Map<Sequence<EngineRequest>, number>();

        const stepOnce = () => {
          const step = engine.step(0);
          if (!step) return false;
          expect(step.durationMs).toBeGreaterThan(0);
          for (const sequence of step.emitted) emitted.set(sequence, (emitted.get(sequence) ?? 0) + 1);
          for (const sequence of step.finished) {
            expect(open).toContain(sequence);
            expect(emitted.get(sequence) ?? 0).toBe(sequence.request.outputTokens);
            open.splice(open.indexOf(sequence), 1);
          }
          const { running, usedBlocks } = engine.gauges();
          expect(running).toBeLessThanOrEqual(maxNumSeqs);
          expect(usedBlocks).toBeLessThanOrEqual(blocks);
          return true;
        };

        for (const each of actions) {
          if (each.kind === 'step') stepOnce();
          if (each.kind === 'add') {
            const blockHashes = Array.from(
              { length: Math.floor(each.promptTokens / blockTokens) },
              (_, index) => each.family * 1000 + index,
            );
            open.push(engine.add({ ...each, blockHashes }));
          }
          if (each.kind === 'abort' && open.length > 0) {
            const [sequence] = open.splice(each.which % open.length, 1);
            engine.abort(sequence!);
          }
        }
        for (let steps = 0; stepOnce(); steps++) expect(steps).toBeLessThan(100_000);
        expect(open).toEqual([]);
        expect(engine.gauges()).toEqual({ running: 0, waiting: 0, usedBlocks: 0 });
      },
    ),
    { numRuns: 300 },
  );
});
