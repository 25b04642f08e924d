import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { PushEvents } from './push-events.ts';
import type { PushGuard } from './push-guard.ts';
import type { PushRoom } from './push-room.ts';

/** What stands behind the servers. */
export interface ServerParts {
  /** Takes pushes; it listens nowhere itself. */
  readonly pushes: Server;
  readonly room: Pick<PushRoom, 'admit'>;
  /** Of a push's body; what is longer is no push. */
  readonly maxBodyBytes: number;
  /** Undefined where every push may pass. */
  readonly guard: PushGuard | undefined;
  readonly events: PushEvents;
  readonly registry: Registry;
  /** Why it is not ready, empty when it is. */
  readonly unreadiness: () => Promise<readonly string[]>;
  readonly isDraining: () => boolean;
  /** Resolves when the instance may be given messages. */
  readonly startup: () => Promise<void>;
}

/**
 * Google's front ends keep idle connections for 600 s: one that we closed first could meet a push, which would then be nacked.
 * Source: https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries
 */
const idleConnectionMs = 620_000;
/** What Cloud Run asks before it sends the first push; on the port of pushes, which is the one that it knows. */
const startupPath = '/startupz';
const adminPaths = ['/healthz', '/health/live', '/readyz', '/health/ready', '/metrics'];

/** Answers pushes, and, where there is no server for them, the operators' paths. */
export function createMainServer(parts: ServerParts, servesAdmin: boolean): Server {
  const admin = adminListener(parts);
  return createServer({ keepAliveTimeout: idleConnectionMs }, (request, response) => {
    const isAdmin = servesAdmin && adminPaths.includes(pathOf(request));
    if (isAdmin && request.method !== 'POST') return admin(request, response);
    if (request.method === 'GET' && pathOf(request) === startupPath) {
      const started = parts.startup().then(() => void response.writeHead(200).end('started\n'));
      return answered(started, parts.events, response);
    }
    if (request.method !== 'POST') return refuse(response, 405, { allow: 'POST' });
    return answered(receive(parts, request, response), parts.events, response);
  });
}

/** Answers the operators' paths alone. */
export function createAdminServer(parts: ServerParts): Server {
  return createServer(adminListener(parts));
}

/** Resolves with the base URL once the server accepts connections. */
export function listen(server: Server, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address() as AddressInfo;
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve(`http://${name}:${address.port}`);
    });
  });
}

async function receive(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pushes, room, maxBodyBytes, guard, events, isDraining } = parts;
  const reportTooLong = (): void => events.notAPush(`the body is over ${maxBodyBytes} bytes`);
  // A body that comes in chunks says nothing of its length.
  const sizeBytes = Number(request.headers['content-length'] ?? maxBodyBytes);
  const isTooLong = sizeBytes > maxBodyBytes;
  if (isTooLong) reportTooLong();
  if (isTooLong || isDraining()) {
    const status = isTooLong ? 400 : 503;
    events.delivered('', status);
    refuse(response, status, { connection: 'close' });
    return;
  }
  const refusal = guard && (await guard(request.headers.authorization));
  if (request.destroyed) return;
  if (refusal) {
    events.pushRefused(refusal.status, refusal.why);
    events.delivered('', refusal.status);
    refuse(response, refusal.status, refusal.status === 401 ? { 'www-authenticate': 'Bearer' } : {});
    return;
  }
  if (!room.admit(request, response, sizeBytes)) {
    events.delivered('', 429);
    refuse(response, 429, {});
    return;
  }
  limitUndeclaredLength(request, maxBodyBytes, reportTooLong);
  // Whatever the push calls itself, its bytes are ours to read: the framework parses and refuses by these.
  request.headers['content-type'] = 'application/octet-stream';
  delete request.headers['content-encoding'];
  request.url = '/';
  pushes.emit('request', request, response);
}

/** A body that comes in chunks and is too long loses its connection. */
function limitUndeclaredLength(request: IncomingMessage, maxBodyBytes: number, onTooLong: () => void): void {
  if (request.headers['transfer-encoding'] === undefined) return;
  let sizeBytes = 0;
  request.on('data', (chunk: Uint8Array) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= maxBodyBytes || request.destroyed) return;
    onTooLong();
    request.destroy();
  });
}

function adminListener({ registry, unreadiness, events }: ServerParts): RequestListener {
  const routes: Readonly<Record<string, () => Promise<{ status: number; body: string; type?: string }>>> = {
    '/healthz': async () => ({ status: 200, body: 'ok\n' }),
    '/readyz': async () => {
      const reasons = await unreadiness();
      return reasons.length === 0
        ? { status: 200, body: 'ready\n' }
        : { status: 503, body: reasons.map((reason) => `${reason}\n`).join('') };
    },
    '/metrics': async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType }),
  };
  const aliases: Readonly<Record<string, string>> = { '/health/live': '/healthz', '/health/ready': '/readyz' };
  return (request, response) => {
    const path = pathOf(request);
    const route = routes[aliases[path] ?? path];
    if (!route) return refuse(response, 404, {});
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, { allow: 'GET, HEAD' });
    const answer = route().then(({ status, body, type = 'text/plain; charset=utf-8' }) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
    return answered(answer, events, response);
  };
}

/** No request stays without an answer, whatever happens to it. */
function answered(work: Promise<void>, events: PushEvents, response: ServerResponse): void {
  work.catch((error: unknown) => {
    events.crashed(error);
    if (response.headersSent) response.destroy();
    else refuse(response, 503, { connection: 'close' });
  });
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...headers, 'content-length': '0' });
  response.end();
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '';
}
