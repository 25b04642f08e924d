import { type GatewayOptions, SimulatedGateway } from './simulated-gateway.ts';
import { type Served, type ServiceLevels, SimulatedRequest } from './simulated-request.ts';
import type { WorkloadRequest } from './workload.ts';

export interface RoutingRun extends GatewayOptions {
  readonly requests: readonly WorkloadRequest[];
  /** Sent with each request, where given. */
  readonly slo?: ServiceLevels;
}

/** Runs streamed real-time requests to their ends. */
export function runRouting(run: RoutingRun): readonly Served[] {
  const gateway = new SimulatedGateway(run);
  const served: Served[] = [];
  for (const work of run.requests) {
    gateway.clock.at(work.atMs, () => {
      const options = { work, priority: 0, stream: true, slo: run.slo };
      new SimulatedRequest(options, gateway, (end) => {
        if (end.outcome !== 'served')
          throw new Error(`a real-time request waits as long as it takes, not: ${end.outcome}`);
        served.push(end);
      }).begin();
    });
  }
  gateway.clock.runUntil(() => served.length === run.requests.length);
  return served;
}
