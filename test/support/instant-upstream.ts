import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A model server that answers at once, and remembers which request it was called for how often. */
export async function startInstantUpstream() {
  const calls = new Map<string, number>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.writeHead(404).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = (JSON.parse(Buffer.concat(chunks).toString()) as { user: string }).user;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      const answer = {
        id: name,
        object: 'chat.completion',
        choices: [],
        usage: { prompt_tokens: 7, completion_tokens: 3 },
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** How often the upstream was called for this request. */
    callsFor: (name: string) => calls.get(name) ?? 0,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
