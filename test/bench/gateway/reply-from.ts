import type { AddressInfo } from 'node:net';
import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';

/** The peer as its documentation shows it: fastify with its own JSON parser, everything sent on. */
const app = fastify({ logger: false });
await app.register(replyFrom, { base: process.argv[2] ?? '' });
app.all('/*', (request, reply) => reply.from(request.url));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`listening on http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
