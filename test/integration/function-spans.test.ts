import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';

interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** What was exported, over OTLP/HTTP as JSON. */
const spans: ExportedSpan[] = [];
const services = new Set<unknown>();
const collector = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  expect([request.method, request.url, request.headers['content-type']]).toEqual([
    'POST',
    '/v1/traces',
    'application/json',
  ]);
  for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(chunks).toString()).resourceSpans) {
    for (const { key, value } of resource.attributes) if (key === 'service.name') services.add(value.stringValue);
    for (const scope of scopeSpans) spans.push(...scope.spans);
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
});
await new Promise<void>((listening) => collector.listen(0, '127.0.0.1', listening));
const asked = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  OTEL_BSP_SCHEDULE_DELAY: '10',
};
const world = await startFunctionWorld(asked);
afterAll(async () => {
  collector.closeAllConnections();
  collector.close();
  await world.close();
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const exported = (trace: string, count: number): Promise<ExportedSpan[]> =>
  until(
    () => {
      const found = spans.filter((span) => span.traceId === trace);
      return found.length >= count && found;
    },
    { what: `${count} spans of ${trace}` },
  );

test('a delivery is joined to its message’s trace, step by step, and the call to it', async () => {
  expect(await world.push({ attributes: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })).toBe(204);
  const found = await exported(traceId, 5);
  const delivery = found.find(({ name }) => name === 'delivery');
  expect(delivery?.parentSpanId).toBe('b7ad6b7169203331');
  const steps = found.filter((span) => span !== delivery);
  expect(steps.map(({ name }) => name)).toEqual(['decode', 'wait', 'call', 'publish']);
  expect(steps.map(({ parentSpanId }) => parentSpanId)).toEqual(Array(4).fill(delivery?.spanId));
  const call = steps.find(({ name }) => name === 'call');
  expect(world.upstream.calls[0]?.headers.traceparent).toBe(`00-${traceId}-${call?.spanId}-01`);
  expect(call?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } });
  expect([...services]).toEqual(['backfill-function']);
});

test('a trace that the message’s metadata carries is continued as well', async () => {
  const inBody = 'dddddddddddddddddddddddddddddddd';
  world.upstream.play(answering(200));
  const metadata = { traceparent: `00-${inBody}-b7ad6b7169203331-01`, tracestate: 'a=1' };
  expect(await world.push({ data: { payload: { messages: [] }, metadata } })).toBe(204);
  const found = await exported(inBody, 5);
  expect(found.find(({ name }) => name === 'delivery')?.parentSpanId).toBe('b7ad6b7169203331');
  const call = found.find(({ name }) => name === 'call');
  const { headers } = world.upstream.calls[0]!;
  expect([headers.traceparent, headers.tracestate]).toEqual([`00-${inBody}-${call?.spanId}-01`, 'a=1']);
});

test('what the message’s sender does not sample is not exported, and the call still joins the trace', async () => {
  const quiet = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
  world.upstream.play(answering(200));
  expect(await world.push({ attributes: { traceparent: `00-${quiet}-b7ad6b7169203331-00` } })).toBe(204);
  expect(await world.push({ attributes: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })).toBe(204);
  await exported(traceId, 10);
  expect(spans.some((span) => span.traceId === quiet)).toBe(false);
  expect(world.upstream.calls[0]?.headers.traceparent).toMatch(new RegExp(`^00-${quiet}-(?!b7ad)[0-9a-f]{16}-00$`));
});

test('what is left is sent before the end; nothing of a prompt or an answer is in it', async () => {
  const last = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
  await world.restart({ ...asked, OTEL_BSP_SCHEDULE_DELAY: '600000', OTEL_SERVICE_NAME: 'named' });
  world.upstream.play(answering(200, '{"secret":"answer-marker"}'));
  const data = { model: 'm', messages: ['prompt-marker'] };
  expect(await world.push({ data, attributes: { traceparent: `00-${last}-b7ad6b7169203331-01` } })).toBe(204);
  expect(await world.service().kill()).toBe(0);
  await exported(last, 5);
  expect([...services]).toEqual(['backfill-function', 'named']);
  expect(JSON.stringify(spans)).not.toContain('marker');
});

test.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])('%j asks for none', async (changed) => {
  const silent = 'cccccccccccccccccccccccccccccccc';
  await world.restart({ ...asked, ...changed });
  expect(await world.push({ attributes: { traceparent: `00-${silent}-b7ad6b7169203331-01` } })).toBe(204);
  expect(await world.service().kill()).toBe(0);
  expect(spans.some((span) => span.traceId === silent)).toBe(false);
});
