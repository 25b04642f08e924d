import type { AddressInfo } from 'node:net';
import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';

/**
 * The peer as its documentation shows it: fastify with its own JSON parser, everything sent on, to each URL that is given in turn.
 * `reply-from.ts CONNECTIONS URL…`: its 128 connections by default would let requests queue where the load has more.
 */
const [connections = '', ...urls] = process.argv.slice(2);
const app = fastify({ logger: false });
let turn = 0;
const nextUrl = (): string => {
  turn = (turn + 1) % urls.length;
  return urls[turn] ?? '';
};
await app.register(replyFrom, { undici: { connections: Number(connections), pipelining: 1 } });
app.all('/*', (request, reply) => reply.from(request.url, { getUpstream: nextUrl }));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`listening on http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
