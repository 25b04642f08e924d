import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As an unhurried model server has it. */
const msPerToken = 10;

/** A model server that takes `inferenceMs` for each answer and counts the answers. It has room for every request. */
export async function startSlowUpstream(inferenceMs: number) {
  const answers = new Map<string, number>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.writeHead(404).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { user } = JSON.parse(Buffer.concat(chunks).toString()) as { user: string };
      const timer = setTimeout(() => {
        answers.set(user, (answers.get(user) ?? 0) + 1);
        const usage = { prompt_tokens: 7, completion_tokens: Math.round(inferenceMs / msPerToken) };
        const answer = { choices: [], usage };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      }, inferenceMs);
      response.once('close', () => clearTimeout(timer));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answersTo: (name: string) => answers.get(name) ?? 0,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
