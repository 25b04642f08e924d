import { once } from 'node:events';
import { applyPatches, type Patch } from './ablation/patch.ts';
import type { Experiment } from './experiment.ts';

const [{ experiment, patches }] = (await once(process, 'message')) as [
  { experiment: Experiment; patches: readonly Patch[] },
];
// The outcome has no reader once the parent has ended.
process.once('disconnect', () => process.exit());
const unused = applyPatches(patches);
// After the patches, which change what is loaded from here on.
const { runExperiment } = await import('./experiment.ts');
const outcome = await runExperiment(experiment);
const missing = unused();
if (missing.length > 0) throw new Error(`no such text in the code: ${missing.join('; ')}`);
process.send?.(outcome, () => process.disconnect());
