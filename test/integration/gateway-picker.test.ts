import { expect, test } from 'vitest';
import { ask, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { connectProxy, ProcessCall } from '../support/picking-proxy.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { startEngine } from '../support/scripted-engine.ts';

async function startPicker(env: Readonly<Record<string, string>>) {
  const gateway = await startGateway({ EXT_PROC_PORT: '0', EXT_PROC_HEALTH_PORT: '0', ...env });
  const port = Number(/"event":"picker_listening","port":(\d+)/.exec(gateway.output())?.[1]);
  const scheme = env.EXT_PROC_TLS === 'off' ? 'http' : 'https';
  const session = connectProxy(`${scheme}://127.0.0.1:${port}`);
  return { gateway, session, call: () => new ProcessCall(session) };
}

/** A whole request through the picker, as a proxy makes it. */
async function serve(call: ProcessCall): Promise<string> {
  const host = await call.ask().choice();
  await call.returned();
  call.answerHead({}, host);
  await call.next();
  call.answerBody('{"usage":{"prompt_tokens":3,"completion_tokens":4}}').answerBody('', true);
  await call.returned('response_body');
  call.reset();
  return host;
}

const requests = ({ url }: RunningProcess) =>
  metricValue(url, 'inference_objective_request_total', { target_model_name: 'm' });

test('requests through the picker and over HTTP are of one pool, one log and one set of metrics', async () => {
  const engine = await startEngine();
  const { gateway, call } = await startPicker({ ENDPOINTS: engine.url, LOG_REQUESTS: 'all' });
  expect(await serve(call())).toBe(engine.host);
  expect((await ask(gateway.url)).status).toBe(200);
  await until(async () => (await requests(gateway)) === 2, { what: 'both requests to be counted' });
  await until(() => gateway.output().split('"event":"request"').length === 3, { what: 'both lines' });
});

test('a picker that goes down serves what comes in time, lets it end, and ends with 0', async () => {
  const engine = await startEngine();
  const { gateway, session, call } = await startPicker({ ENDPOINTS: engine.url, EXT_PROC_TLS: 'off' });
  const running = call().ask('{"model":"m","stream":true}');
  await running.choice();
  await running.returned();
  running.answerHead({ 'content-type': 'text/event-stream' }).answerBody('data: 1\n\n');
  await running.next();
  const sentAway = new Promise((goaway) => session.once('goaway', goaway));
  const exit = gateway.kill();
  await sentAway;
  running.answerBody('data: [DONE]\n\n').answerBody('', true);
  await running.returned('response_body');
  running.reset();
  expect(await exit).toBe(0);
});

test('streams that outlast the drain end with an error', async () => {
  const engine = await startEngine();
  const { gateway, call } = await startPicker({ ENDPOINTS: engine.url, DRAIN_SECONDS: '1' });
  const stuck = call().ask('{"model":"m","stream":true}');
  await stuck.choice();
  await stuck.returned();
  stuck.answerHead({ 'content-type': 'text/event-stream' }).answerBody('data: 1\n\n');
  await stuck.next();
  const exit = gateway.kill();
  const said = await until(() => stuck.messages.map((each) => each.toString()).find((text) => text.includes('error')), {
    what: 'the error',
  });
  expect(said).toContain('shutting_down');
  expect(await exit).toBe(0);
});

test('a name as host cannot be given to a proxy, and is warned of', async () => {
  const engine = await startEngine();
  const { gateway } = await startPicker({ ENDPOINTS: engine.url.replace('127.0.0.1', 'localhost') });
  expect(gateway.output()).toContain('which the host of this endpoint is not');
});
