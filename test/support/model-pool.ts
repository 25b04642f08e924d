import { startGateway } from './gateway-client.ts';
import { type RunningProcess, startProcess } from './processes.ts';

export interface ModelPool {
  /** The first of the gateways. */
  readonly gateway: RunningProcess;
  readonly gateways: readonly RunningProcess[];
  readonly servers: readonly RunningProcess[];
  /** Ends all of it. */
  stop(): Promise<void>;
}

export interface ModelPoolOptions {
  /** Replicas of the gateway, which do not know each other. */
  readonly replicas?: number;
  /** Further flags of the model servers. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Our gateway before simulated model servers that run `speed` times faster than real ones. */
export async function startModelPool(
  count: number,
  speed: number,
  { replicas = 1, flags: further = [], env = {} }: ModelPoolOptions = {},
): Promise<ModelPool> {
  const flags = ['--port', '0', '--speed', String(speed), ...further];
  const start = () => startProcess('infra/local/model-server/main.ts', flags);
  const servers = await Promise.all(Array.from({ length: count }, start));
  const settings = { ENDPOINTS: servers.map(({ url }) => url).join(','), LOG_LEVEL: 'error', ...env };
  const gateway = await startGateway(settings);
  const others = await Promise.all(Array.from({ length: replicas - 1 }, () => startGateway(settings)));
  const gateways = [gateway, ...others];
  return {
    gateway,
    gateways,
    servers,
    stop: async () => {
      await Promise.all([...gateways, ...servers].map((each) => each.kill('SIGKILL')));
    },
  };
}
