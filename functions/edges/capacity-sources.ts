import got from 'got';
import type { CapacityReport } from '../../shared/capacity/report.ts';
import type { CapacitySourceName } from '../config.ts';
import type { Reading } from '../decisions/gate.ts';
import type { CapacitySource } from '../state/capacity.ts';

const queryTimeoutMs = 2000;

/** Sources that need Cloud Monitoring, which this version does not read. */
export const withoutData: readonly CapacitySourceName[] = ['flow-control', 'pool', 'vllm'];

/** The source of that name for the pool behind `gatewayUrl`. */
export function capacitySource(name: CapacitySourceName, gatewayUrl: string): CapacitySource {
  if (name === 'gateway') return { name, read: () => readGateway(gatewayUrl) };
  if (name === 'none') return { name, read: async () => ({ source: name, saturation: 0, asOfMs: Date.now() }) };
  return { name, read: async () => undefined };
}

/** Asks our gateway's `GET /capacity`; another gateway answers 404 and has nothing to say. */
async function readGateway(gatewayUrl: string): Promise<Reading | undefined> {
  const { statusCode, body } = await got<Partial<CapacityReport> | null>(`${gatewayUrl}/capacity`, {
    responseType: 'json',
    timeout: { request: queryTimeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  });
  if (statusCode !== 200 || typeof body?.saturation !== 'number') return undefined;
  const nowMs = Date.now();
  const asOfMs = Date.parse(body.asOf ?? '');
  return {
    source: 'gateway',
    saturation: body.saturation,
    ...(typeof body.readyEndpoints === 'number' ? { readyServers: body.readyEndpoints } : {}),
    // Another machine's clock may run ahead.
    asOfMs: Number.isNaN(asOfMs) ? nowMs : Math.min(nowMs, asOfMs),
  };
}
