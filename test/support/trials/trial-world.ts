import { type ScriptedUpstream, startScriptedUpstream } from '../scripted-upstream.ts';
import type { StartedProcessor, TrialProcessor } from './processors.ts';
import { startTrialBus, type TrialBus } from './trial-bus.ts';

/** A processor between a Pub/Sub of its own and an upstream that does what the trial says. */
export interface TrialWorld extends Omit<TrialBus, 'start'> {
  readonly upstream: ScriptedUpstream;
  readonly processor: StartedProcessor;
}

/** `hasResultTopic`: whether results have somewhere to go from the start. */
export async function startTrialWorld(processor: TrialProcessor, hasResultTopic = true): Promise<TrialWorld> {
  const bus = await startTrialBus(hasResultTopic);
  const upstream = await startScriptedUpstream();
  const started = await bus.start(processor, { gatewayUrl: upstream.url, capacitySource: 'none' });
  return {
    ...bus,
    upstream,
    processor: started,
    close: async () => {
      await started.stop();
      await bus.close();
      upstream.close();
    },
  };
}
