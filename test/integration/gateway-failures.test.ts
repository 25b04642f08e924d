import { describe, expect, test } from 'vitest';
import { ask, call, errorCode, get, sheddable, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { answerAtOnce, type Script, startEngine, vllmMetrics } from '../support/scripted-engine.ts';

const slowReadings = { METRICS_REFRESH_MS: '60000' };
const eventStream = { 'content-type': 'text/event-stream' };
const silence: Script = () => {};
const reset: Script = (answer) => void answer.socket?.resetAndDestroy();
const firstEventThen =
  (then: Script): Script =>
  (answer, seen) => {
    answer.writeHead(200, eventStream);
    answer.write('data: {"piece":0}\n\n', () => void then(answer, seen));
  };

describe('before the first byte', () => {
  test.each([['refuses connections'], ['resets']])(
    'an endpoint that %s costs nobody an answer: the request goes elsewhere, once',
    async (how) => {
      const bad = await startEngine({ script: reset });
      const good = await startEngine();
      const gateway = await startGateway({
        ENDPOINTS: `${bad.url},${good.url}`,
        POLICY: 'round-robin',
        ...slowReadings,
      });
      if (how === 'refuses connections') await bad.stop();
      const answers = await Promise.all([ask(gateway.url), ask(gateway.url), ask(gateway.url), ask(gateway.url)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(answers.every(({ headers }) => headers['x-gateway-destination-endpoint-served'] === good.host)).toBe(true);
      expect(good.seen).toHaveLength(4);
      if (how === 'refuses connections') expect(await usable(gateway)).toEqual([false, true]);
    },
  );

  test('two failures are a 502', async () => {
    const engines = await Promise.all([1, 2, 3].map(() => startEngine({ script: reset })));
    const gateway = await startGateway({ ENDPOINTS: engines.map(({ url }) => url).join(','), ...slowReadings });
    const answer = await ask(gateway.url);
    expect([answer.status, errorCode(answer)]).toEqual([502, 'upstream_error']);
    expect(engines.map(({ seen }) => seen.length).sort()).toEqual([0, 1, 1]);
    expect(await inFlight(gateway)).toBe(0);
  });

  test('a silence longer than TTFT_TIMEOUT_SECONDS is a 504 and stops the endpoint’s work', async () => {
    const engine = await startEngine({ script: silence });
    const gateway = await startGateway({ ENDPOINTS: engine.url, TTFT_TIMEOUT_SECONDS: '0.1' });
    const answer = await ask(gateway.url);
    expect([answer.status, errorCode(answer)]).toEqual([504, 'upstream_timeout']);
    await until(() => engine.seen[0]?.open === false, { what: 'the slot to be free' });
    expect(await inFlight(gateway)).toBe(0);
  });

  test('an endpoint that takes connections again is used again', async () => {
    const engine = await startEngine();
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    await engine.stop();
    await until(async () => (await ask(gateway.url)).status === 503, { what: 'it to be unusable' });
    await startEngine({ port: Number(new URL(engine.url).port) });
    await until(async () => (await ask(gateway.url)).status === 200, { what: 'it to be usable' });
  });
});

describe('after the first byte', () => {
  test.each<[string, Script, Record<string, string>, string]>([
    ['the endpoint dies', (answer) => void answer.socket?.destroy(), {}, 'upstream_error'],
    ['the endpoint falls silent', silence, { IDLE_TIMEOUT_SECONDS: '0.1' }, 'upstream_timeout'],
  ])('%s: the stream ends with an error event, and is cut', async (_, then, env, code) => {
    const engine = await startEngine({ script: firstEventThen(then) });
    const gateway = await startGateway({ ENDPOINTS: engine.url, ...env });
    const answer = await ask(gateway.url);
    expect([answer.status, answer.complete]).toEqual([200, false]);
    const [first, last, rest] = answer.body.toString().split('\n\n');
    expect(first).toBe('data: {"piece":0}');
    expect(JSON.parse(last?.replace(/^data: /, '') ?? '')).toMatchObject({ error: { code, type: 'server_error' } });
    expect(rest).toBe('');
    expect(await inFlight(gateway)).toBe(0);
    expect(engine.seen).toHaveLength(1);
  });

  test('an event cut in half is closed before the error event', async () => {
    const engine = await startEngine({
      script: (answer) => {
        answer.writeHead(200, eventStream);
        answer.write('data: {"pie', () => answer.socket?.destroy());
      },
    });
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const { body } = await ask(gateway.url);
    expect(body.toString()).toMatch(/^data: \{"pie\n\ndata: \{"error":/);
  });

  test.each([
    ['its media type in capitals', { 'content-type': 'Text/Event-Stream; charset=utf-8' }, true],
    ['encoded: a plain event would be none of it', { ...eventStream, 'content-encoding': 'gzip' }, false],
  ])('a stream with %s', async (_, headers, hasEvent) => {
    const engine = await startEngine({
      script: (answer) => {
        answer.writeHead(200, headers);
        answer.write('data: 1\n\n', () => answer.socket?.destroy());
      },
    });
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const { body, complete } = await ask(gateway.url);
    expect([body.toString().includes('upstream_error'), complete]).toEqual([hasEvent, false]);
  });

  test('an answer that is no event stream is cut as it is', async () => {
    const engine = await startEngine({
      script: (answer) => {
        answer.writeHead(200, { 'content-type': 'application/json' });
        answer.write('{"choices":', () => answer.socket?.destroy());
      },
    });
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const answer = await ask(gateway.url);
    expect([answer.body.toString(), answer.complete]).toEqual(['{"choices":', false]);
  });
});

describe('a client that leaves', () => {
  test.each<[string, Script]>([
    ['before the answer began', silence],
    ['in the middle of a stream', firstEventThen(silence)],
  ])('%s frees its slot at once', async (_, script) => {
    const engine = await startEngine({ script });
    const gateway = await startGateway({ ENDPOINTS: engine.url, ...slowReadings });
    const leaving = call(gateway.url);
    await until(() => engine.seen.length === 1, { what: 'the request to arrive' });
    leaving.leave();
    await until(() => engine.seen[0]?.open === false, { what: 'the slot to be free' });
    expect(await inFlight(gateway)).toBe(0);
  });

  test('while it waits leaves the queue', async () => {
    const engine = await startEngine({ metrics: vllmMetrics({ waiting: 50 }) });
    const gateway = await startGateway({ ENDPOINTS: engine.url, SHEDDABLE_WAIT_SECONDS: '30' });
    const leaving = call(gateway.url, { headers: sheddable });
    await until(async () => (await queued(gateway)) === 1, { what: 'it to wait' });
    leaving.leave();
    await until(async () => (await queued(gateway)) === 0, { what: 'it to have left' });
    engine.metrics = vllmMetrics();
    await until(async () => ((await get(gateway.url, '/capacity')).saturation as number) < 1, { what: 'room' });
    expect(engine.seen).toHaveLength(0);
  });
});

describe('the end of the process', () => {
  test.each<[string, NodeJS.Signals, number]>([
    ['SIGTERM lets streams end, takes nothing new, exits with 0', 'SIGTERM', 0],
    ['an error that nobody caught does the same, and exits with 1', 'SIGUSR2', 1],
  ])('%s', async (_, signal, exitCode) => {
    let finish = (): void => {};
    const engine = await startEngine({
      script: (answer, seen) => {
        if (seen.path !== '/v1/chat/completions') return answerAtOnce(answer, seen);
        return firstEventThen((begun) => {
          finish = () => begun.end('data: [DONE]\n\n');
        })(answer, seen);
      },
    });
    const thrower = 'process.on("SIGUSR2",()=>{throw new Error("unforeseen")})';
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(thrower)}`;
    const gateway = await startGateway({ ENDPOINTS: engine.url, NODE_OPTIONS });
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    const exit = gateway.kill(signal);
    const readyStatus = async () => (await ask(gateway.url, { method: 'GET', path: '/readyz' })).status;
    await until(async () => (await readyStatus()) === 503, { what: 'it to drain' });
    const refused = await until(
      async () => {
        const answer = await ask(gateway.url, { path: '/v1/embeddings' });
        return answer.status === 503 && answer;
      },
      { what: 'it to refuse' },
    );
    expect(errorCode(refused)).toBe('shutting_down');
    expect(refused.headers).toMatchObject({
      'x-llm-d-request-dropped-reason': 'rejected-shutting-down',
      'retry-after': expect.stringMatching(/^[1-9]/),
    });
    finish();
    const answer = await stream.answer;
    expect([answer.complete, answer.body.toString()]).toEqual([true, 'data: {"piece":0}\n\ndata: [DONE]\n\n']);
    expect(await exit).toBe(exitCode);
    expect(gateway.output().includes('uncaught_exception')).toBe(exitCode === 1);
  });

  test('an error that nothing caught while it drains cuts nothing off, however often, and makes it exit with 1', async () => {
    let finish = (): void => {};
    const engine = await startEngine({
      script: firstEventThen((answer) => {
        finish = () => answer.end('data: [DONE]\n\n');
      }),
    });
    const thrower = 'process.on("SIGUSR2",()=>{throw new Error("unforeseen")})';
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(thrower)}`;
    const gateway = await startGateway({ ENDPOINTS: engine.url, NODE_OPTIONS });
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    const exit = gateway.kill();
    await until(() => gateway.output().includes('draining'), { what: 'it to drain' });
    for (const times of [1, 2]) {
      void gateway.kill('SIGUSR2');
      await until(() => gateway.output().split('uncaught_exception').length > times, { what: 'the error in the log' });
    }
    finish();
    expect((await stream.answer).body.toString()).toBe('data: {"piece":0}\n\ndata: [DONE]\n\n');
    expect(await exit).toBe(1);
  });

  test('answers that it gives while it drains end their connections', async () => {
    let finish = (): void => {};
    const engine = await startEngine({
      script: (answer) => {
        finish = () => answer.end('{}');
      },
    });
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const busy = new RawConnection(gateway.url).send(postHead(['content-length: 13']), '{"model":"m"}');
    await until(() => engine.seen.length === 1, { what: 'the request to be sent' });
    const exit = gateway.kill();
    await until(async () => (await ask(gateway.url, { method: 'GET', path: '/readyz' })).status === 503, {
      what: 'it to drain',
    });
    finish();
    await busy.untilClosed();
    expect(busy.text).toMatch(/^HTTP\/1\.1 200 .*connection: close/is);
    expect(await exit).toBe(0);
  });

  test('a request that fails while it drains ends its connection too', async () => {
    const engine = await startEngine({ script: silence });
    const gateway = await startGateway({ ENDPOINTS: engine.url, TTFT_TIMEOUT_SECONDS: '1' });
    const client = new RawConnection(gateway.url).send(postHead(['content-length: 13']), '{"model":"m"}');
    await until(() => engine.seen.length === 1, { what: 'the request to be sent' });
    const exit = gateway.kill();
    expect(await client.untilAnswers(1)).toEqual([[504, 'upstream_timeout']]);
    expect(client.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(await exit).toBe(0);
  });

  test.each<[NodeJS.Signals, NodeJS.Signals]>([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ])('comes at once with a second signal: %s, then %s', async (first, second) => {
    const engine = await startEngine({ script: firstEventThen(silence) });
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    const stream = call(gateway.url);
    await until(() => stream.received().length > 0, { what: 'the stream to begin' });
    void gateway.kill(first);
    await until(() => gateway.output().includes('draining'), { what: 'it to drain' });
    expect(await gateway.kill(second)).toBe(1);
    expect(gateway.output().split('"message":"draining"')).toHaveLength(2);
  });

  test('comes also when the reader of its log has left', async () => {
    const engine = await startEngine();
    const gateway = await startGateway({ ENDPOINTS: engine.url });
    gateway.stopReading();
    expect(await gateway.kill()).toBe(0);
  });
});

interface State {
  endpoints: { usable: boolean; realtime: { inFlight: number }; sheddable: { inFlight: number } }[];
}

async function endpoints(gateway: RunningProcess): Promise<State['endpoints']> {
  return ((await get(gateway.url, '/debug/state')) as unknown as State).endpoints;
}

async function usable(gateway: RunningProcess): Promise<boolean[]> {
  return (await endpoints(gateway)).map((endpoint) => endpoint.usable);
}

async function inFlight(gateway: RunningProcess): Promise<number> {
  return (await endpoints(gateway)).reduce((sum, each) => sum + each.realtime.inFlight + each.sheddable.inFlight, 0);
}

async function queued(gateway: RunningProcess): Promise<number> {
  const { queued: counts } = await get(gateway.url, '/capacity');
  return (counts as Record<string, number>)['-1'] ?? 0;
}
