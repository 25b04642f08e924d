import { beforeAll, describe, expect, test } from 'vitest';
import { ask, errorCode, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { answerAtOnce, type Script, type ScriptedEngine, startEngine } from '../support/scripted-engine.ts';

const body = '{"model":"m"}';
const length = `content-length: ${body.length}`;
const mebibyte = 1024 * 1024;

let engine: ScriptedEngine;
let gateway: RunningProcess;
beforeAll(async () => {
  engine = await startEngine();
  gateway = await startGateway({ ENDPOINTS: engine.url, MAX_BODY_BYTES: String(12 * mebibyte) });
});

describe('what is no request', () => {
  test.each<[string, string]>([
    ['one header of 30 KB', `GET /v1/models HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`],
    ['6,000 headers', `GET /v1/models HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(6000)}\r\n`],
    ['a path of 20 KB', `GET /v1/${'y'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['a path that is no path', 'GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['two lengths that differ', `${postHead([length, 'content-length: 14'])}${body}`],
    ['a length twice', `${postHead([length, length])}${body}`],
    ['a length and chunks', `${postHead([length, 'transfer-encoding: chunked'])}0\r\n\r\n`],
    ['a length below zero', `${postHead(['content-length: -1'])}${body}`],
    ['a length that is no number', `${postHead(['content-length: many'])}${body}`],
    ['an encoding that is not chunked', `${postHead(['transfer-encoding: gzip'])}${body}`],
    ['chunks that are not the last encoding', `${postHead(['transfer-encoding: chunked, gzip'])}${body}`],
    ['chunks without a size', `${postHead(['transfer-encoding: chunked'])}zz\r\nhello\r\n`],
    ['a chunk larger than numbers go', `${postHead(['transfer-encoding: chunked'])}FFFFFFFFFFFFFFFFFF\r\n`],
    ['garbage after a chunk', `${postHead(['transfer-encoding: chunked'])}d\r\n${body}\r\nzz`],
    ['a header name with a space', 'GET /healthz HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%s: 400 in OpenAI’s shape, and nothing reaches an endpoint', async (_, bytes) => {
    engine.seen.length = 0;
    const connection = new RawConnection(gateway.url).send(bytes);
    expect(await connection.untilAnswers(1)).toEqual([[400, 'invalid_request']]);
    expect(connection.text.toLowerCase()).toContain('x-request-id: ');
    expect((await ask(gateway.url)).status).toBe(200);
    expect(engine.seen).toHaveLength(1);
  });

  test('a body that ends before its length reaches no endpoint, and counts once: its client has left', async () => {
    engine.seen.length = 0;
    const gone = () =>
      metricValue(gateway.url, 'inference_objective_request_error_total', { error_code: 'client_gone' });
    const before = { all: await metricValue(gateway.url, 'inference_objective_request_total'), gone: await gone() };
    const connection = new RawConnection(gateway.url).send(postHead(['content-length: 30']), body);
    connection.socket.end();
    await connection.untilClosed();
    expect(engine.seen).toHaveLength(0);
    expect(await metricValue(gateway.url, 'inference_objective_request_total')).toBe(before.all + 1);
    expect(await gone()).toBe(before.gone + 1);
  });

  test('garbage behind a request that is being answered is not answered into its body', async () => {
    let finish = (): void => {};
    const slow = await startEngine({
      script: (answer) => {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        answer.write('data: 1\n\n');
        finish = () => answer.end();
      },
    });
    const own = await startGateway({ ENDPOINTS: slow.url });
    const connection = new RawConnection(own.url).send(postHead([length]), body);
    await until(() => connection.text.includes('data: 1'), { what: 'the stream to begin' });
    connection.send('garbage\r\n\r\n');
    await connection.untilClosed();
    expect(connection.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    await until(() => slow.seen[0]?.open === false, { what: 'the slot to be free' });
    finish();
  });
});

describe('what is unusual, and right', () => {
  test.each([
    ['100-continue', ['HTTP/1.1 100 Continue', 'HTTP/1.1 200 OK']],
    ['tea', ['HTTP/1.1 200 OK']],
  ])('expect: %s', async (expectation, statusLines) => {
    const connection = new RawConnection(gateway.url).send(postHead([length, `expect: ${expectation}`]), body);
    await connection.untilAnswers(statusLines.length);
    expect(connection.text.match(/HTTP\/1\.1 .*/g)).toEqual(statusLines);
    connection.cut();
  });

  test('a body in chunks of one byte', async () => {
    engine.seen.length = 0;
    const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join('');
    const connection = new RawConnection(gateway.url).send(
      postHead(['transfer-encoding: chunked']),
      chunks,
      '0\r\n\r\n',
    );
    expect(await connection.untilAnswers(1)).toEqual([[200, undefined]]);
    expect(engine.seen[0]?.body.toString()).toBe(body);
    expect(engine.seen[0]?.headers['content-length']).toBe(String(body.length));
    connection.cut();
  });

  test('requests sent ahead are answered in their order', async () => {
    const waiting: (() => void)[] = [];
    const reluctant = await startEngine({
      script: (answer, seen) => void waiting.push(() => answerAtOnce(answer, seen)),
    });
    const own = await startGateway({ ENDPOINTS: reluctant.url });
    const connection = new RawConnection(own.url).send(
      postHead([length, 'x-request-id: first']) + body + postHead([length, 'x-request-id: second']) + body,
      'GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: third\r\n\r\n',
    );
    await until(() => waiting.length === 2, { what: 'both to arrive' });
    for (const answer of waiting.toReversed()) answer();
    await connection.untilAnswers(3);
    expect([...connection.text.matchAll(/^x-request-id: (\w+)/gim)].map(([, id]) => id)).toEqual([
      'first',
      'second',
      'third',
    ]);
    connection.cut();
  });
});

describe('bodies that are too much', () => {
  test.each<[string, string[], string]>([
    ['of a length that says so', [`content-length: ${1e12}`], 'x'.repeat(mebibyte)],
    ['on a connection that is not kept', [`content-length: ${1e12}`, 'connection: close'], 'x'.repeat(mebibyte)],
    ['in chunks without end', ['transfer-encoding: chunked'], `100000\r\n${'x'.repeat(mebibyte)}\r\n`],
  ])('%s: 413, and who sends on is cut off', async (_, headers, piece) => {
    const connection = new RawConnection(gateway.url).send(postHead(headers));
    const flood = (): void => {
      while (!connection.closed && connection.socket.write(piece));
    };
    connection.socket.on('drain', flood);
    flood();
    expect(await connection.untilAnswers(1)).toEqual([[413, 'request_too_large']]);
    await connection.untilClosed();
  });

  test('10 MB of [: 400', async () => {
    const answer = await ask(gateway.url, { body: Buffer.alloc(10_000_000, '[') });
    expect([answer.status, errorCode(answer)]).toEqual([400, 'invalid_request']);
  });
});

describe('a client that does not read', () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  /** Writes as fast as it is read, without end. */
  const flood: Script = (answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    const write = (): void => {
      while (!answer.destroyed && answer.write(piece));
    };
    answer.on('drain', write);
    write();
  };
  const bytesOf = ({ seen }: ScriptedEngine) =>
    seen.reduce((sum, { written }) => sum + written.length * piece.length, 0);

  test('holds up its own endpoint’s answer and nobody else’s; what is held for it is bounded', async () => {
    const flooding = await startEngine({ script: flood });
    const own = await startGateway({ ENDPOINTS: flooding.url });
    const connection = new RawConnection(own.url).send(postHead([length]), body);
    connection.socket.pause();
    let [before, looksAlike] = [0, 0];
    await until(
      () => {
        const now = bytesOf(flooding);
        looksAlike = now > 0 && now === before ? looksAlike + 1 : 0;
        before = now;
        return looksAlike === 50;
      },
      { what: 'the endpoint to be held back' },
    );
    expect(before).toBeLessThan(32 * mebibyte);
    flooding.script = answerAtOnce;
    expect((await ask(own.url)).status).toBe(200);
    connection.cut();
    await until(() => flooding.seen[0]?.open === false, { what: 'the slot to be free' });
  });

  test('for IDLE_TIMEOUT_SECONDS is cut off, and the endpoint is not blamed', async () => {
    const flooding = await startEngine({ script: flood });
    const own = await startGateway({ ENDPOINTS: flooding.url, IDLE_TIMEOUT_SECONDS: '0.3' });
    const connection = new RawConnection(own.url).send(postHead([length]), body);
    connection.socket.pause();
    await until(() => flooding.seen[0]?.open === false, { what: 'the slot to be free' });
    const errors = { error_code: 'client_gone' };
    expect(await metricValue(own.url, 'inference_objective_request_error_total', errors)).toBe(1);
  });
});

test('500 connections that say nothing cost others nothing, and little memory', async () => {
  const rss = () => metricValue(gateway.url, 'process_resident_memory_bytes');
  const before = await rss();
  const idle = Array.from({ length: 500 }, () => new RawConnection(gateway.url));
  const half = Array.from({ length: 500 }, () =>
    new RawConnection(gateway.url).send('POST /v1/completions HTTP/1.1\r\nhos'),
  );
  const sockets = () => metricValue(gateway.url, 'nodejs_active_resources', { type: 'TCPSocketWrap' });
  await until(async () => (await sockets()) >= 1000, { what: 'all to be connected' });
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(gateway.url)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
  expect((await rss()) - before).toBeLessThan(80 * mebibyte);
  for (const connection of [...idle, ...half]) connection.cut();
  await until(async () => (await sockets()) < 20, { what: 'all to be gone' });
});
