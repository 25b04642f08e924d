import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A model server that can be killed: `node chaos-engine.ts PORT MS` answers each request after MS milliseconds, has room for every request,
 * and writes the id of each on standard output.
 */
const [port = '0', inferenceMs = '100'] = process.argv.slice(2);
const msPerToken = 10;
let running = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const isMetrics = request.url === '/metrics';
    const page = `vllm:num_requests_running ${running}\nvllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 0.1\n`;
    response.writeHead(isMetrics ? 200 : 404).end(isMetrics ? page : '');
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    running += 1;
    const { user } = JSON.parse(Buffer.concat(chunks).toString()) as { user: string };
    const timer = setTimeout(() => {
      process.stdout.write(`answered ${user}\n`);
      const usage = { prompt_tokens: 7, completion_tokens: Math.round(Number(inferenceMs) / msPerToken) };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [], usage }));
    }, Number(inferenceMs));
    response.once('close', () => {
      running -= 1;
      clearTimeout(timer);
    });
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
