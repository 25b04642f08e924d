import type { CapacityReport } from '../../../shared/inference-gateway/capacity-report.ts';
import type { UnixMs, WallClock } from '../../../shared/runtime/clock.ts';
import type { SourceReading } from '../dispatch/gate.ts';
import type { CapacitySource } from './ask-sources.ts';
import { ageOnPage, boundedGet } from './bounded-get.ts';

/** Our gateway's `GET /capacity`; another gateway answers 404 and has nothing to say. */
export function gatewaySource(gatewayUrl: string, wall: WallClock): CapacitySource {
  return { name: 'gateway', read: () => readGateway(gatewayUrl, wall) };
}

async function readGateway(gatewayUrl: string, wall: WallClock): Promise<SourceReading | undefined> {
  const url = `${gatewayUrl}/capacity`;
  const page = await boundedGet(url);
  const { status, text } = page;
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`${url} answers ${status}`);
  const report = JSON.parse(text) as Partial<CapacityReport> | null;
  if (typeof report?.saturation !== 'number') throw new Error(`${url} answers no capacity report`);
  const { saturation, overBudget } = report.realtime ?? {};
  const asOfMs = Date.parse(report.asOf ?? '') as UnixMs;
  return {
    source: 'gateway',
    saturation: report.saturation,
    ...(typeof saturation === 'number' ? { realtimeSaturation: saturation } : {}),
    ...(typeof report.readyEndpoints === 'number' ? { readyServers: report.readyEndpoints } : {}),
    ...(typeof overBudget === 'boolean' ? { realtimeOverBudget: overBudget } : {}),
    ageMs: Number.isNaN(asOfMs) ? 0 : ageOnPage(page, asOfMs, wall),
  };
}
