import { type AddressInfo, createServer, type Socket } from 'node:net';
import { chunkEveryMs, chunksPerStream } from './load-shape.ts';

/**
 * Model servers that cost next to nothing, one on each port that is given: canned bytes, no HTTP library. A request gets an answer of about
 * its own size at the end of a step of 1 ms, so that the page can tell what runs; one that asks for a stream gets events, each written on
 * its own.
 */
const canned = {
  '/v1/models': plain('application/json', '{"object":"list","data":[{"id":"m","object":"model"}]}'),
} as const;
const answers = [100, 16, 1].map((kilobytes) => ({
  fromBytes: kilobytes * 512,
  bytes: plain('application/json', completionOf(kilobytes * 1024)),
}));
const smallest = plain('application/json', completionOf(1024));
const streamHead = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
);
const event = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n`;
const streamChunk = Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
const streamEnd = Buffer.from('0\r\n\r\n');
/** Of an answer that is no stream. */
const stepMs = 1;

/** One model server: what it runs. */
interface Engine {
  /** Answers that are written at the end of the step. */
  readonly due: Map<Socket, Buffer>;
  /** Streams under way, and how many chunks each still gets. */
  readonly streams: Map<Socket, number>;
}

const serve = (socket: Socket, engine: Engine): void => {
  let pending = '';
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    engine.streams.delete(socket);
    engine.due.delete(socket);
  });
  socket.on('data', (bytes: string) => {
    pending = pending === '' ? bytes : pending + bytes;
    for (;;) {
      const head = pending.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, head))?.[1] ?? 0);
      const end = head + 4 + length;
      if (pending.length < end) return;
      answer(socket, engine, pending.slice(0, end), length);
      pending = pending.slice(end);
    }
  });
};

const [, , ...ports] = process.argv;
const urls: string[] = [];
for (const port of ports.length > 0 ? ports : ['0']) {
  const engine: Engine = { due: new Map(), streams: new Map() };
  const server = createServer({ noDelay: true }, (socket) => serve(socket, engine));
  await new Promise<void>((ready) => server.listen(Number(port), '127.0.0.1', ready));
  urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  setInterval(() => endStep(engine), stepMs);
  setInterval(() => writeChunks(engine), chunkEveryMs);
}
process.stdout.write(`listening on ${urls[0]}\n`);

function answer(socket: Socket, engine: Engine, request: string, bodyLength: number): void {
  if (request.startsWith('GET ')) {
    const path = request.slice(4, request.indexOf(' ', 4));
    socket.write(path === '/metrics' ? page(engine) : (canned[path as keyof typeof canned] ?? plain('text/plain', '')));
  } else if (request.includes('"stream":true')) {
    socket.write(streamHead);
    engine.streams.set(socket, chunksPerStream);
  } else engine.due.set(socket, answers.find(({ fromBytes }) => bodyLength >= fromBytes)?.bytes ?? smallest);
}

function endStep({ due }: Engine): void {
  for (const [socket, bytes] of due) socket.write(bytes);
  due.clear();
}

function writeChunks({ streams }: Engine): void {
  for (const [socket, left] of streams) {
    socket.write(streamChunk);
    if (left > 1) streams.set(socket, left - 1);
    else {
      streams.delete(socket);
      socket.write(streamEnd);
    }
  }
}

function page({ due, streams }: Engine): Buffer {
  const values = { num_requests_running: due.size + streams.size, num_requests_waiting: 0, kv_cache_usage_perc: 0 };
  const lines = Object.entries(values).map(([name, value]) => `vllm:${name} ${value}\n`);
  return plain('text/plain', lines.join(''));
}

function plain(type: string, body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function completionOf(sizeBytes: number): string {
  const around = (content: string) =>
    JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 200, completion_tokens: 200, total_tokens: 400 },
    });
  return around('x'.repeat(sizeBytes - around('').length));
}
