import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { EndpointChange } from '../../gateway/endpoint/endpoint-change.ts';
import { Pool } from '../../gateway/endpoint/pool.ts';

/** A pool of endpoints `http://a:1`, `http://b:1`, … and a clock wound by hand. */
export function poolOf(...names: string[]) {
  const clock = { nowMs: 0 };
  const changes: [host: string, kind: EndpointChange['kind']][] = [];
  const pool = new Pool({ nowMs: () => clock.nowMs, staleAfterMs: 1000 });
  pool.subscribe({ changed: ({ host }, { kind }) => changes.push([host, kind]) });
  const replace = (...hosts: string[]) => pool.replace(hosts.map((host) => ({ url: `http://${host}:1`, labels: {} })));
  const endpoint = (name: string): Endpoint => {
    const found = pool.endpoints.find(({ host }) => host === `${name}:1`);
    if (!found) throw new Error(`no endpoint ${name}`);
    return found;
  };
  replace(...names);
  return { clock, changes, pool, replace, endpoint };
}

/** Requests that end so, one after the other. */
export function ends({ health }: Endpoint, verdict: 'well' | 'failed' | 'timed_out', times: number): void {
  for (let time = 0; time < times; time += 1) {
    if (health.sent()) health.recordProbe(verdict);
    health.recordEnd(verdict);
  }
}
