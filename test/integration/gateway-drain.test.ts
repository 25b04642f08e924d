import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startBalancer } from '../support/balancer.ts';
import { ask, call, errorCode, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { type Script, startEngine } from '../support/scripted-engine.ts';

const body = '{"model":"m"}';
const post = postHead([`content-length: ${body.length}`]) + body;
const graceMs = 5000;

const stuckStream: Script = (answer) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write('data: {"piece":0}\n\n');
};

describe('after SIGTERM', () => {
  test('idle connections close, requests are served for 5 s with connection: close, and then refused', async () => {
    const engine = await startEngine();
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const idle = new RawConnection(gateway.url).send(post);
    await idle.untilAnswers(1);
    engine.script = stuckStream;
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    engine.script = (answer) => void answer.end('{}');
    const sinceMs = performance.now();
    const exit = gateway.kill();
    const ready = await until(
      async () => {
        const answer = await ask(gateway.url, { method: 'GET', path: '/readyz' });
        return answer.status === 503 && answer;
      },
      { what: 'it to drain' },
    );
    expect(ready.headers.connection).toBe('close');
    await idle.untilClosed(2000);
    const served = await ask(gateway.url);
    expect([served.status, served.headers.connection]).toEqual([200, 'close']);
    const refused = await until(
      async () => {
        const answer = await ask(gateway.url);
        return answer.status === 503 && answer;
      },
      { what: 'it to refuse' },
    );
    expect([errorCode(refused), refused.headers.connection]).toEqual(['shutting_down', 'close']);
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(graceMs - 100);
    stream.leave();
    expect(await exit).toBe(0);
  });

  test('the 5 s hold also where nothing runs', async () => {
    const engine = await startEngine();
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const sinceMs = performance.now();
    expect(await gateway.kill()).toBe(0);
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(graceMs - 100);
  });

  test('after DRAIN_SECONDS streams end with an event, and calls without a first byte with 503', async () => {
    const engine = await startEngine({ script: stuckStream });
    const gateway = await startGateway({ ENDPOINTS: engine.url, DRAIN_SECONDS: '0.5' });
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    engine.script = () => {};
    const silent = call(gateway.url);
    await until(() => engine.seen.length === 2, { what: 'the second one to run' });
    expect(await gateway.kill()).toBe(0);
    const [cut, refused] = await Promise.all([stream.answer, silent.answer]);
    expect(cut.complete).toBe(false);
    expect(cut.body.toString()).toMatch(/^data: \{"piece":0\}\n\ndata: \{"error":.*"code":"shutting_down"\}\}\n\n$/);
    expect([refused.status, errorCode(refused)]).toEqual([503, 'shutting_down']);
  });

  test('a request whose body is still coming in after DRAIN_SECONDS is told so', async () => {
    const engine = await startEngine();
    const gateway = await startGateway({ ENDPOINTS: engine.url, DRAIN_SECONDS: '0.5' });
    const slow = new RawConnection(gateway.url).send(postHead([`content-length: ${body.length}`]));
    await until(async () => (await ask(gateway.url)).status === 200, { what: 'it to serve' });
    const exit = gateway.kill();
    await until(() => gateway.output().includes('draining'), { what: 'it to drain' });
    await delay(800);
    slow.send(body);
    expect(await slow.untilAnswers(1)).toEqual([[503, 'shutting_down']]);
    expect(await exit).toBe(0);
  });
});

test('a rolling restart behind a TCP balancer refuses and cuts nothing on kept connections', async () => {
  const engine = await startEngine({
    script: async (answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write('data: 1\n\n');
      await delay(30);
      answer.end('data: [DONE]\n\n');
    },
  });
  const start = () => startGateway({ ENDPOINTS: engine.url, LOG_LEVEL: 'error' });
  const replicas = await Promise.all([start(), start()]);
  /** Where new connections go; those that are open stay where they are. */
  const members = replicas.map(({ url }) => url);
  const balancer = await startBalancer(members);
  const outcomes = new Map<string, number>();
  let isOver = false;
  const users = Array.from({ length: 12 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      const outcome = await outcomeOf(balancer.url, agent);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    agent.destroy();
  });
  const served = () => outcomes.get('200') ?? 0;
  for (const [index, old] of replicas.entries()) {
    const before = served();
    await until(() => served() > before + 30, { what: 'traffic' });
    const fresh = await start();
    members[index] = fresh.url;
    // What `preStop: { sleep: { seconds: 5 } }` does.
    await delay(5000);
    expect(await old.kill()).toBe(0);
  }
  const before = served();
  await until(() => served() > before + 30, { what: 'traffic afterwards' });
  isOver = true;
  await Promise.all(users);
  await balancer.close();
  expect([...outcomes.keys()]).toEqual(['200']);
}, 60_000);

/** `200` for a whole answer, else what went wrong. */
function outcomeOf(baseUrl: string, agent: Agent): Promise<string> {
  return new Promise((ended) => {
    const call = request(new URL('/v1/chat/completions', baseUrl), { method: 'POST', agent }, (answer) => {
      answer.resume();
      answer.on('error', () => {});
      answer.once('close', () => ended(answer.complete ? String(answer.statusCode) : 'cut'));
    });
    call.on('error', (error) => ended((error as NodeJS.ErrnoException).code ?? error.message));
    call.end(body);
  });
}
