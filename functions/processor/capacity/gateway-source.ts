import type { CapacityReport } from '../../../shared/inference-gateway/capacity-report.ts';
import type { Reading } from '../dispatch/gate.ts';
import { boundedGet } from './bounded-get.ts';
import type { CapacitySource } from './capacity.ts';

/** Our gateway's `GET /capacity`; another gateway answers 404 and has nothing to say. */
export function gatewaySource(gatewayUrl: string): CapacitySource {
  return { name: 'gateway', read: () => readGateway(gatewayUrl) };
}

async function readGateway(gatewayUrl: string): Promise<Reading | undefined> {
  const url = `${gatewayUrl}/capacity`;
  const { status, text } = await boundedGet(url);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`${url} answers ${status}`);
  const report = JSON.parse(text) as Partial<CapacityReport> | null;
  if (typeof report?.saturation !== 'number') throw new Error(`${url} answers no capacity report`);
  const nowMs = Date.now();
  const asOfMs = Date.parse(report.asOf ?? '');
  return {
    source: 'gateway',
    saturation: report.saturation,
    ...(typeof report.readyEndpoints === 'number' ? { readyServers: report.readyEndpoints } : {}),
    // Another machine's clock may run ahead.
    asOfMs: Number.isNaN(asOfMs) ? nowMs : Math.min(nowMs, asOfMs),
  };
}
