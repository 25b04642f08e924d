import { metricValue } from '../../support/metric-value.ts';
import { type RunningProcess, startProcess } from '../../support/processes.ts';

/** Simulated vLLM servers with the KV cache of the optimized-baseline guide, 320,000 tokens each. `speeds` says how much faster each is than the GPU. */
export async function startEngines(speeds: readonly number[]): Promise<readonly RunningProcess[]> {
  const flags = ['--port', '0', '--model', 'm', '--kv-blocks', '20000', '--enable-prompt-tokens-details'];
  return Promise.all(
    speeds.map((speed) => startProcess('infra/local/model-server/main.ts', [...flags, '--speed', `${speed}`])),
  );
}

export function hostsOf(engines: readonly RunningProcess[]): string[] {
  return engines.map(({ url }) => new URL(url).host);
}

/** Requests that an engine has answered so far. */
export function answeredBy({ url }: RunningProcess): Promise<number> {
  return metricValue(url, 'vllm:request_success_total');
}
