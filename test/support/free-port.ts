import { createServer } from 'node:net';

/** A port of loopback that nothing listens on, for programs that take none by themselves. */
export function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}
