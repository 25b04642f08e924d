import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, model: { type: 'string', default: 'm' } },
});

/** A model server that does nothing but answer: an answer of a kilobyte, or twenty tokens, one every 20 ms. */
const answer = JSON.stringify({
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(800) }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 250, completion_tokens: 200 },
});
const page = `${['running', 'waiting'].map((what) => `vllm:num_requests_${what} 0\n`).join('')}vllm:kv_cache_usage_perc 0\n`;
const models = JSON.stringify({ object: 'list', data: [{ id: flags.model, object: 'model' }] });
const [tokens, tokenMs] = [20, 20];

const server = createServer(async (request, response) => {
  if (request.url === '/metrics') return void response.end(page);
  if (request.url === '/v1/models') return void response.end(models);
  if (request.method === 'GET') return void response.end();
  const body = await buffer(request);
  if (body.includes('"stream":true')) stream(response);
  else response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
});
server.listen(0, flags.host, () => {
  process.stdout.write(`listening on http://${flags.host}:${(server.address() as AddressInfo).port}\n`);
});

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = tokens;
  const timer = setInterval(() => {
    response.write('data: {"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n');
    left -= 1;
    if (left === 0) response.end('data: [DONE]\n\n');
  }, tokenMs);
  response.once('close', () => clearInterval(timer));
}
