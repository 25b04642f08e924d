import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goProgram } from '../../real/support/go-program.ts';
import { cacheFolder } from '../../real/support/python-package.ts';
import { freePort } from '../free-port.ts';
import { type RunningProcess, startProcess, startProgram } from '../processes.ts';

/** What a processor is between: topics `requests`, `retries`, `results` and `dead` of a Pub/Sub, and a gateway. */
export interface TrialSurroundings {
  /** Tells a process which Pub/Sub there is. */
  readonly environment: Readonly<Record<'PUBSUB_EMULATOR_HOST' | 'GOOGLE_CLOUD_PROJECT', string>>;
  readonly gatewayUrl: string;
  /** Whether the gateway is ours and tells how full its pool is. */
  readonly capacitySource: 'gateway' | 'none';
  /** Makes a subscription whose messages are pushed to the URL, or wait to be pulled. */
  subscribe(topic: string, subscription: string, pushUrl?: string): Promise<void>;
}

/** A processor of async requests that is put on trial. */
export interface TrialProcessor {
  readonly name: string;
  start(surroundings: TrialSurroundings): Promise<StartedProcessor>;
}

/** A processor that runs. */
export interface StartedProcessor {
  /** `kill -9`, and started again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** It reads where a cluster is before it starts, and then asks it nothing. */
const noCluster = join(cacheFolder, 'no-cluster.yaml');

/** The function of this project, with its defaults. */
export const backfill: TrialProcessor = {
  name: 'backfill',
  start: async ({ environment, gatewayUrl, capacitySource, subscribe }) => {
    const start = (port: string): Promise<RunningProcess> =>
      startProcess('functions/processor/main.ts', [], {
        ...environment,
        HOST: '127.0.0.1',
        PORT: port,
        LOG_LEVEL: 'warn',
        INFERENCE_GATEWAY_URL: gatewayUrl,
        RESULT_TOPIC: 'results',
        RETRY_TOPIC: 'retries',
        DEAD_LETTER_TOPIC: 'dead',
        CAPACITY_SOURCES: capacitySource,
      });
    let process = await start('0');
    await subscribe('requests', 'requests-push', process.url);
    await subscribe('retries', 'retries', process.url);
    return {
      restart: async () => {
        await process.kill('SIGKILL');
        process = await start(new URL(process.url).port);
      },
      stop: async () => void (await process.kill('SIGKILL')),
    };
  },
};

/**
 * llm-d's processor, pulling from the same Pub/Sub; undefined, and said, where it cannot be had. Source of its settings: README of
 * https://github.com/llm-d/llm-d-async.
 */
export function llmDAsync(): TrialProcessor | undefined {
  const program = goProgram({
    name: 'llm-d-async',
    module: 'github.com/llm-d/llm-d-async@5de949b',
    variable: 'LLM_D_ASYNC_FOLDER',
    package: './cmd',
  });
  if (program === undefined) return undefined;
  writeNoCluster();
  return { name: 'llm-d-async', start: (surroundings) => startLlmDAsync(program, surroundings) };
}

async function startLlmDAsync(
  program: string,
  { environment, gatewayUrl, subscribe }: TrialSurroundings,
): Promise<StartedProcessor> {
  await subscribe('requests', 'requests-pull');
  const transport = {
    project_id: environment.GOOGLE_CLOUD_PROJECT,
    result_topic_id: 'results',
    // As many messages at once as it has workers, instead of 10.
    batch_size: 64,
    topics: [
      {
        subscriber_id: 'requests-pull',
        igw_base_url: gatewayUrl,
        request_path_url: '/v1/chat/completions',
        inference_objective: 'sheddable',
      },
    ],
  };
  const start = async (): Promise<RunningProcess> =>
    startProgram({
      command: program,
      args: [
        ...['--transport', 'gcp-pubsub', '--transport-config', JSON.stringify(transport)],
        ...['--health-port', String(await freePort()), '--metrics-port', String(await freePort())],
        ...['--metrics-endpoint-auth=false', '--metrics-backlog-poll-interval', '0'],
      ],
      env: { ...environment, KUBECONFIG: noCluster },
      ready: /Spawning workers/,
    });
  let process = await start();
  return {
    restart: async () => {
      await process.kill('SIGKILL');
      process = await start();
    },
    stop: async () => void (await process.kill('SIGKILL')),
  };
}

function writeNoCluster(): void {
  mkdirSync(cacheFolder, { recursive: true });
  writeFileSync(
    noCluster,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'none', cluster: { server: 'http://127.0.0.1:1' } }],
      contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
      users: [{ name: 'none', user: {} }],
      'current-context': 'none',
    }),
  );
}
