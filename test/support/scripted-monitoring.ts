import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { metricServiceDefinition } from '../../infra/local/monitoring/api/metric-service.ts';
import type { UnixMs } from '../../shared/runtime/clock.ts';

export interface ListRequest {
  readonly name: string;
  readonly filter: string;
  readonly view: string;
  readonly interval: {
    readonly startTime: { readonly seconds: number };
    readonly endTime: { readonly seconds: number };
  };
  readonly aggregation: object | null;
}

export interface ScriptedSeries {
  /** Part of the filter that it answers; the rest of the filter is not looked at. */
  readonly metric: string;
  readonly value: { readonly doubleValue: number } | { readonly int64Value: number };
  readonly labels?: Readonly<Record<string, string>>;
  /** Of its newest point; an older one, of value 0, stands behind it. */
  readonly ageMs?: number;
  /** When its newest point was taken, in place of its age. */
  readonly atMs?: UnixMs;
}

/** What an endpoint picker reports of its pool. */
export function pickerSeries(saturation: number, readyServers = 4): readonly ScriptedSeries[] {
  return [
    {
      metric: 'llm_d_epp_flow_control_pool_saturation',
      value: { doubleValue: saturation },
      labels: { inference_pool: 'chat' },
    },
    { metric: 'llm_d_epp_ready_endpoints', value: { doubleValue: readyServers }, labels: { name: 'chat' } },
  ];
}

/** A Cloud Monitoring that answers as the scenario says, and remembers its requests. A code instead of series is an error. */
export async function startScriptedMonitoring() {
  const requests: ListRequest[] = [];
  let script: readonly ScriptedSeries[] | number = [];
  const server = new Server();
  server.addService(metricServiceDefinition(), {
    ListTimeSeries(call: ServerUnaryCall<ListRequest, object>, done: sendUnaryData<object>): void {
      requests.push(call.request);
      if (typeof script === 'number') {
        done({ code: script, details: 'scripted' });
        return;
      }
      const found = script.filter(({ metric }) => call.request.filter.includes(`/${metric}/gauge"`));
      done(null, { timeSeries: found.map(wireSeries) });
    },
  });
  const port = await new Promise<number>((bound, failed) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) =>
      error ? failed(error) : bound(at),
    );
  });
  return {
    host: `127.0.0.1:${port}`,
    requests,
    /** From now on, with an empty memory. */
    play(next: readonly ScriptedSeries[] | number): void {
      script = next;
      requests.length = 0;
    },
    close: () => server.forceShutdown(),
  };
}

export const unavailable = status.UNAVAILABLE;
export const notFound = status.NOT_FOUND;

function wireSeries({ metric, value, labels = {}, ageMs = 0, atMs }: ScriptedSeries) {
  const newestMs = atMs ?? Date.now() - ageMs;
  const point = (atMs: number, said: object) => {
    const at = { seconds: Math.floor(atMs / 1000), nanos: Math.round((atMs % 1000) * 1e6) };
    return { interval: { startTime: at, endTime: at }, value: said };
  };
  return {
    metric: { type: `prometheus.googleapis.com/${metric}/gauge`, labels },
    resource: { type: 'prometheus_target', labels: { instance: labels.pod ?? 'a' } },
    metricKind: 'GAUGE',
    valueType: 'int64Value' in value ? 'INT64' : 'DOUBLE',
    points: [point(newestMs, value), point(newestMs - 60_000, { doubleValue: 0 })],
  };
}
