import type { AddressInfo } from 'node:net';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { Admission } from './admission.ts';
import { inferenceHandlers } from './api/inference.ts';
import { usualBlockTokens } from './engine/block-size.ts';
import { Engine } from './engine/engine.ts';
import type { Clock } from './engine/paced-engine.ts';
import { presets } from './engine/presets.ts';
import { seededRandom } from './engine/seeded-random.ts';
import { EngineService, type Job } from './engine-service.ts';
import { command } from './flags.ts';
import { FrontEnd } from './front-end.ts';
import { createHttpServer } from './http-server.ts';
import { createMetrics } from './metrics/metrics.ts';

const clock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const { flags } = readCommandLine(command, process.argv.slice(2));
const preset = presets[flags.profile]!;
const { blockTokens } = flags;
const blocks = flags.blocks ?? Math.floor((preset.blocks * usualBlockTokens) / blockTokens);
const maxModelTokens = Math.min(preset.maxModelTokens, blocks * blockTokens);
const readyAtMs = clock.nowMs() + flags.slowStartMs;

const engine = new Engine<Job>({
  coefficients: preset.coefficients,
  blocks,
  blockTokens,
  maxNumSeqs: flags.maxNumSeqs ?? preset.maxNumSeqs,
  maxNumBatchedTokens: flags.maxNumBatchedTokens ?? preset.maxNumBatchedTokens,
  schedulingPolicy: flags.schedulingPolicy,
});
const { model } = flags;
const metrics = createMetrics({
  model,
  blocks,
  blockTokens,
  maxModelTokens,
  gauges: () => engine.gauges(),
  nowMs: clock.nowMs,
});
const service = new EngineService(engine, metrics, clock, flags.speed);
const admission = new Admission({
  limit: flags.maxNumQueuedReqs,
  unfinished: () => service.unfinished,
  onRefusal: metrics.refused,
});
const { speed, frontEndMs: requestMs, metricsMs } = flags;
const frontEnd = new FrontEnd({ clock, speed, requestMs, metricsMs });
const inference = inferenceHandlers({
  service,
  admission,
  frontEnd,
  model,
  maxModelTokens,
  blockTokens,
  promptTokensDetails: flags.promptTokensDetails,
  streamInterval: flags.streamInterval,
  failRate: flags.failRate,
  failStatus: flags.failStatus,
  random: seededRandom(flags.seed),
  nowSeconds: () => Date.now() / 1000,
});
const isReady = () => clock.nowMs() >= readyAtMs;
const server = createHttpServer({
  inference,
  metrics,
  frontEnd,
  model,
  maxModelTokens,
  apiKey: flags.apiKey,
  isReady,
});

server.listen(flags.port, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(
    `model server listening on http://127.0.0.1:${port} as ${model}, profile ${flags.profile}: ${preset.validated}\n`,
  );
});
server.once('error', (error) => {
  process.stderr.write(`--port ${flags.port}: ${error.message}\n`);
  process.exit(1);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    service.stop();
    frontEnd.stop();
    server.close();
    server.closeAllConnections();
  });
}
