import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Gives each new connection to the next of the addresses, as Cloud Run spreads a service's connections over its instances. */
export async function startBalancer(urls: readonly string[]) {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((from) => {
    const { hostname, port } = new URL(urls[turn++ % urls.length] ?? '');
    const to = connect({ host: hostname, port: Number(port), noDelay: true });
    const ends = [from, to];
    for (const socket of ends) {
      open.add(socket);
      socket.on('error', () => ends.forEach((end) => void end.destroy()));
      socket.on('close', () => {
        open.delete(socket);
        for (const end of ends) end.destroy();
      });
    }
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
