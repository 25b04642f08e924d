import { expect, test } from 'vitest';
import { callersCases, callersExperiment } from './callers.sim.ts';
import { runExperiment } from './experiment.ts';

test.each(Object.keys(callersCases))(
  'before our gateway the function gets what plain callers get: %s',
  async (name) => {
    const runs = (['callers', 'function'] as const).map((load) =>
      runExperiment(callersExperiment(callersCases[name]!, load, 180)),
    );
    const [callers, own] = await Promise.all(runs);
    // It begins with one call.
    expect(own!.async.tokensPerSecond / callers!.async.tokensPerSecond).toBeGreaterThan(0.96);
    // A tenth more or less is chance in a thousand chats.
    if (own!.realtime.requests > 0) expect(own!.realtime.ttftP95).toBeLessThan(1.25 * callers!.realtime.ttftP95);
  },
);
