import { expect, test } from 'vitest';
import { ask, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { report } from '../support/report.ts';
import { startEngine } from '../support/scripted-engine.ts';

const connections = Number(process.env.CONNECTIONS ?? 10_000);
/** Heads and bodies that stop half-way, of all: the rest says nothing at all, or has had an answer. */
const begins = [
  '',
  'POST /v1/completions HTTP/1.1\r\nhos',
  `${postHead(['content-length: 1000'])}{"model":`,
  'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
];
const mostKilobytesEach = 40;

test(`${connections} connections that say nothing, or not enough, cost others nothing and go by themselves`, async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const gauge = (name: string, labels = {}) => metricValue(gateway.url, name, labels);
  const sockets = () => gauge('nodejs_active_resources', { type: 'TCPSocketWrap' });
  for (let warm = 0; warm < 200; warm += 1) await ask(gateway.url);
  const before = await gauge('process_resident_memory_bytes');
  const held: RawConnection[] = [];
  while (held.length < connections) {
    for (let each = 0; each < 500; each += 1)
      held.push(new RawConnection(gateway.url).send(begins[each % begins.length] ?? ''));
    await until(async () => (await sockets()) >= held.length, {
      what: `${held.length} connections`,
      timeoutMs: 30_000,
    });
  }
  const grownKilobytes = ((await gauge('process_resident_memory_bytes')) - before) / 1024;
  const latenciesMs: number[] = [];
  for (let request = 0; request < 200; request += 1) {
    const startedAtMs = performance.now();
    expect((await ask(gateway.url)).status).toBe(200);
    latenciesMs.push(performance.now() - startedAtMs);
  }
  latenciesMs.sort((a, b) => a - b);
  const answered = held.filter(({ answers }) => answers.length > 0);
  // Connections that had an answer may stay; one that still owes a request is cut off within a minute.
  const owing = held.filter((connection) => !answered.includes(connection));
  await until(() => owing.every(({ closed }) => closed), { what: 'them to be cut off', timeoutMs: 90_000 });
  report(`${connections} idle connections`, {
    'KB each': (grownKilobytes / connections).toFixed(1),
    'others, p50 ms': latenciesMs[100]?.toFixed(1) ?? '',
    'p99 ms': latenciesMs[198]?.toFixed(1) ?? '',
    'answered and kept': answered.filter(({ closed }) => !closed).length,
    'cut off': owing.length,
  });
  expect(new Set(owing.flatMap(({ answers }) => answers.map(([status]) => status)))).toEqual(new Set([408]));
  expect(grownKilobytes / connections).toBeLessThan(mostKilobytesEach);
  for (const connection of held) connection.cut();
  await until(async () => (await sockets()) < 20, { what: 'all to be gone' });
});
