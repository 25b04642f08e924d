import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goProgram } from '../../real/support/go-program.ts';
import { envoyBinary, startEnvoy } from '../../real/support/real-envoy.ts';
import { cpuUs } from '../../real/support/steady-load.ts';
import { freePort } from '../../support/free-port.ts';
import { startGateway } from '../../support/gateway-client.ts';
import { startProgram } from '../../support/processes.ts';

/** Something that sends requests to one of several engines. */
export interface BenchRouter {
  readonly name: string;
  /** @param engines `ip:port` of all that there will ever be @param used those that it knows from the start */
  start(engines: readonly string[], used?: readonly string[]): Promise<RunningRouter>;
}

export interface RunningRouter {
  readonly url: string;
  /** Of all its processes, in microseconds. */
  cpuUs(): number;
  /** From now on it knows these engines. */
  use(engines: readonly string[]): void;
  stop(): Promise<void>;
}

/** Ours over HTTP first; the others where Envoy, and llm-d's picker, can be had here. */
export function benchRouters(): BenchRouter[] {
  const envoy = envoyBinary();
  if (envoy === undefined) return [overHttp];
  const epp = goProgram({
    name: 'llm-d-endpoint-picker',
    module: 'github.com/llm-d/llm-d-router@ebab687',
    variable: 'LLM_D_ROUTER',
    package: './cmd/epp',
  });
  const theirs = epp === undefined ? [] : Object.keys(theirScorers).map((name) => llmD(name, envoy, epp));
  return [overHttp, behindEnvoy(envoy), ...theirs];
}

/** All that a report of this benchmark has figures of. */
export const routerNames = ['Backfill, HTTP', 'Backfill, Envoy', 'llm-d, its default', 'llm-d, optimized-baseline'];

const overHttp: BenchRouter = {
  name: 'Backfill, HTTP',
  start: async (engines, used = engines) => {
    const file = endpointsFile(used, ourEndpoints);
    const gateway = await startGateway({ ...ourSettings, ENDPOINTS_FILE: file.path });
    return {
      url: gateway.url,
      cpuUs: () => cpuUs(gateway.pid),
      use: file.write,
      stop: async () => void (await gateway.kill('SIGKILL')),
    };
  },
};

const ourSettings = { METRICS_REFRESH_MS: '250', LOG_REQUESTS: 'none' };

function behindEnvoy(binary: string): BenchRouter {
  return {
    name: 'Backfill, Envoy',
    start: async (engines, used = engines) => {
      const file = endpointsFile(used, ourEndpoints);
      const picker = await startGateway({
        ...ourSettings,
        ENDPOINTS_FILE: file.path,
        EXT_PROC_PORT: '0',
        EXT_PROC_HEALTH_PORT: '0',
        EXT_PROC_TLS: 'off',
      });
      const pickerPort = Number(/"event":"picker_listening","port":(\d+)/.exec(picker.output())?.[1]);
      return withEnvoy({ binary, pickerPort, engines, picker, use: file.write });
    },
  };
}

/** Of its optimized-baseline guide. Source: test/perf/config/router-configs of llm-d-router; of the other, what it does by itself. */
const theirScorers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'llm-d, its default': {
    'queue-scorer': 2,
    'kv-cache-utilization-scorer': 2,
    'prefix-cache-scorer': 3,
  },
  'llm-d, optimized-baseline': {
    'queue-scorer': 2,
    'kv-cache-utilization-scorer': 2,
    'prefix-cache-scorer': 3,
    'no-hit-lru-scorer': 2,
  },
};

function theirConfiguration(name: string, endpointsPath: string): string {
  const scorers = theirScorers[name] ?? {};
  const producer = { type: 'approx-prefix-cache-producer', parameters: { maxPrefixTokensToMatch: 100_000 } };
  return JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { name: 'endpoints', type: 'file-discovery', parameters: { path: endpointsPath, watchFile: true } },
      ...Object.keys(scorers).map((type) => ({ type })),
      ...(name.includes('baseline') ? [producer] : []),
    ],
    schedulingProfiles: [
      { name: 'default', plugins: Object.entries(scorers).map(([pluginRef, weight]) => ({ pluginRef, weight })) },
    ],
    dataLayer: { discovery: { pluginRef: 'endpoints' } },
  });
}

function llmD(name: string, binary: string, program: string): BenchRouter {
  return {
    name,
    start: async (engines, used = engines) => {
      const file = endpointsFile(used, theirEndpoints);
      const [pickerPort, healthPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
      const picker = await startProgram({
        command: program,
        args: [
          ...[
            '--pool-name',
            'pool',
            '--pool-namespace',
            'default',
            '--config-text',
            theirConfiguration(name, file.path),
          ],
          ...[
            '--grpc-port',
            `${pickerPort}`,
            '--grpc-health-port',
            `${healthPort}`,
            '--metrics-port',
            `${metricsPort}`,
          ],
          ...['--secure-serving=false', '--metrics-endpoint-auth=false', '--tracing=false', '--v', '1'],
        ],
        ready: /listening","name":"ext-proc"/,
      });
      return withEnvoy({ binary, pickerPort, engines, picker, use: file.write });
    },
  };
}

interface EnvoyBefore {
  readonly binary: string;
  readonly pickerPort: number;
  readonly engines: readonly string[];
  readonly picker: { readonly pid: number; kill(signal: NodeJS.Signals): Promise<unknown> };
  readonly use: RunningRouter['use'];
}

/** Every picker stands behind the same Envoy, and sees every answer whole. */
async function withEnvoy({ picker, use, ...options }: EnvoyBefore): Promise<RunningRouter> {
  const envoy = await startEnvoy({ ...options, tls: false });
  return {
    url: envoy.url,
    cpuUs: () => cpuUs(envoy.pid) + cpuUs(picker.pid),
    use,
    stop: async () => {
      await envoy.stop();
      await picker.kill('SIGKILL');
    },
  };
}

function endpointsFile(used: readonly string[], format: (engines: readonly string[]) => unknown) {
  const path = join(mkdtempSync(join(tmpdir(), 'endpoints-')), 'endpoints.json');
  const write = (engines: readonly string[]): void => writeFileSync(path, JSON.stringify(format(engines)));
  write(used);
  return { path, write };
}

function ourEndpoints(engines: readonly string[]): unknown {
  return engines.map((host) => ({ url: `http://${host}`, labels: {} }));
}

function theirEndpoints(engines: readonly string[]): unknown {
  const endpoints = engines.map((host) => {
    const [address, port] = host.split(':');
    return { name: `engine-${port}`, address, port };
  });
  return { endpoints };
}
