import type { IncomingMessage, ServerResponse } from 'node:http';
import { Counter, Histogram, type Registry } from 'prom-client';

const fewBuckets = [0.1, 0.5, 1];
const manyBuckets = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5],
  ...[3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60],
];
/** What is not counted. */
const unseen = ['/metrics', '/health'];

/**
 * What vLLM's web framework counts of every request, beside the engine's metrics.
 * @param nowMs Milliseconds that only go forward.
 */
export function createHttpMetrics(registry: Registry, nowMs: () => number) {
  const registers = [registry];
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests by handler, method and status.',
    labelNames: ['handler', 'method', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'http_request_duration_highr_seconds',
    help: 'Time that requests took, in many buckets.',
    registers,
    buckets: manyBuckets,
  });
  const secondsByHandler = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time that requests took, by handler.',
    labelNames: ['handler', 'method'],
    registers,
    buckets: fewBuckets,
  });

  /** Counts a request when it ends. @param path Where it is served; undefined: nowhere */
  return (path: string | undefined, request: IncomingMessage, response: ServerResponse): void => {
    if (path !== undefined && unseen.includes(path)) return;
    const handler = path ?? 'none';
    const method = request.method ?? 'GET';
    const startedAtMs = nowMs();
    response.once('close', () => {
      const tookSeconds = (nowMs() - startedAtMs) / 1000;
      requests.inc({ handler, method, status: `${Math.floor(response.statusCode / 100)}xx` });
      seconds.observe(tookSeconds);
      secondsByHandler.observe({ handler, method }, tookSeconds);
    });
  };
}
