import { attentionPairs } from '../../gateway/endpoint/latency/step-load.ts';
import { StepModel } from '../../gateway/endpoint/latency/step-model.ts';

/** About an H100 with a model of 8 billion parameters: 8 ms a step, 26 ms for a prompt of 1,000 tokens. */
function stepMs(decodes: number, contextTokens: number, promptTokens: number, decodeMs: number): number {
  const plainMs = 8 + decodeMs * decodes + 6e-5 * contextTokens;
  if (promptTokens === 0) return plainMs;
  return plainMs + 0.025 * promptTokens + 1.8e-6 * attentionPairs(promptTokens, 0) + 2e-5 * contextTokens;
}

/** A pool whose steps are known: a model that has learned them. @param decodeMs by which each request that generates makes a step longer */
export function knownSteps(decodeMs = 0.01): StepModel {
  const model = new StepModel();
  teachSteps(model, decodeMs);
  return model;
}

export function teachSteps(model: StepModel, decodeMs = 0.01): void {
  for (let step = 0; step < 400; step += 1) {
    const decodes = step % 40;
    const contextTokens = decodes * (200 + 150 * (step % 7));
    const promptTokens = step % 3 === 0 || decodes === 0 ? 100 + 300 * (step % 11) : 0;
    const load = { decodes, contextTokens, promptTokens, promptPairs: attentionPairs(promptTokens, 0) };
    model.learnStep(load, stepMs(decodes, contextTokens, promptTokens, decodeMs), 1);
  }
}
