import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** A client that keeps its connection open sends its next request soon, and must hear that it has to go elsewhere. */
const drainConnectionsMs = 1000;
const lookEveryMs = 20;

/** Waits until no client is connected any more, or for a moment. */
export async function drainConnections(apps: readonly FastifyInstance[]): Promise<void> {
  const untilMs = performance.now() + drainConnectionsMs;
  while (performance.now() < untilMs && (await connections(apps)) > 0) await delay(lookEveryMs);
}

async function connections(apps: readonly FastifyInstance[]): Promise<number> {
  const counts = apps.map(
    ({ server }) => new Promise<number>((counted) => server.getConnections((_, count = 0) => counted(count))),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
