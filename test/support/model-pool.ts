import { startGateway } from './gateway-client.ts';
import { type RunningProcess, startProcess } from './processes.ts';

export interface ModelPool {
  readonly gateway: RunningProcess;
  readonly servers: readonly RunningProcess[];
  /** Ends all of it. */
  stop(): Promise<void>;
}

/** Our gateway before simulated model servers that run `speed` times faster than real ones. */
export async function startModelPool(count: number, speed: number): Promise<ModelPool> {
  const flags = ['--port', '0', '--speed', String(speed)];
  const start = () => startProcess('infra/local/model-server/main.ts', flags);
  const servers = await Promise.all(Array.from({ length: count }, start));
  const gateway = await startGateway({ ENDPOINTS: servers.map(({ url }) => url).join(','), LOG_LEVEL: 'error' });
  return {
    gateway,
    servers,
    stop: async () => {
      await Promise.all([gateway, ...servers].map((each) => each.kill('SIGKILL')));
    },
  };
}
