import { ask, get } from './gateway-client.ts';
import type { RunningProcess } from './processes.ts';
import type { ScriptedEngine } from './scripted-engine.ts';

/** An endpoint as `/debug/state` shows it. */
export interface EndpointState {
  readonly host: string;
  readonly usable: boolean;
  readonly condition: string;
  readonly ejectedFor: string | null;
  readonly engine: unknown;
  readonly realtime: { readonly inFlight: number };
  readonly sheddable: { readonly inFlight: number };
}

export async function endpointStates(gateway: RunningProcess): Promise<readonly EndpointState[]> {
  return (await get(gateway.url, '/debug/state')).endpoints as readonly EndpointState[];
}

export async function endpointState(gateway: RunningProcess, engine: ScriptedEngine): Promise<EndpointState> {
  const found = (await endpointStates(gateway)).find(({ host }) => host === engine.host);
  if (!found) throw new Error(`no endpoint ${engine.host}`);
  return found;
}

export async function inFlight(gateway: RunningProcess): Promise<number> {
  const states = await endpointStates(gateway);
  return states.reduce((sum, { realtime, sheddable }) => sum + realtime.inFlight + sheddable.inFlight, 0);
}

/** The endpoints that serve `requests` requests, sent one after the other. */
export async function servedBy(gateway: RunningProcess, requests: number): Promise<ReadonlySet<unknown>> {
  const hosts = new Set<unknown>();
  for (let request = 0; request < requests; request += 1) {
    hosts.add((await ask(gateway.url)).headers['x-gateway-destination-endpoint-served']);
  }
  return hosts;
}
