import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * A model server that streams at a steady pace, as many tokens as a request asks for. A process of its own, which tells on `/state`
 * what it holds and for how long its own event loop stood: where both stood at once, it was the machine.
 */
const chunkEveryMs = Number(process.argv[2] ?? 200);
const firstChunkMs = 50;
const event = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n`;
const loopDelay = monitorEventLoopDelay({ resolution: 10 });
loopDelay.enable();
let running = 0;
let began = 0;
let cutOff = 0;

const server = createServer((request, answer) => {
  const path = request.url ?? '';
  if (path === '/state') {
    const worstStallMs = loopDelay.max / 1e6;
    loopDelay.reset();
    server.getConnections((_, connections) =>
      answer.end(JSON.stringify({ running, began, cutOff, connections, worstStallMs })),
    );
  } else if (path.endsWith('/metrics')) {
    answer.end(`vllm:num_requests_running ${running}\nvllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 0.1\n`);
  } else if (path.endsWith('/health')) {
    answer.end();
  } else if (path.endsWith('/v1/models')) {
    answer.setHeader('content-type', 'application/json').end('{"object":"list","data":[{"id":"m","object":"model"}]}');
  } else {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { max_tokens } = JSON.parse(Buffer.concat(chunks).toString()) as { max_tokens: number };
      stream(answer, max_tokens);
    });
  }
});

function stream(answer: ServerResponse, tokens: number): void {
  running += 1;
  began += 1;
  let left = tokens;
  let timer: NodeJS.Timeout | undefined;
  answer.once('close', () => {
    running -= 1;
    if (left > 0) cutOff += 1;
    clearTimeout(timer);
    clearInterval(timer);
  });
  const next = (): void => {
    answer.write(event);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    answer.end(`data: {"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":${tokens}}}\n\ndata: [DONE]\n\n`);
  };
  timer = setTimeout(() => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    timer = setInterval(next, chunkEveryMs);
    next();
  }, firstChunkMs);
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
