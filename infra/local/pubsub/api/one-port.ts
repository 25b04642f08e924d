import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { GrpcFace } from './grpc-server.ts';

const http2Preface = 'PRI';

/** A port that is open. */
export interface OnePort {
  readonly port: number;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/** Listens on loopback; a connection that begins as HTTP/2 goes to gRPC, any other to HTTP. */
export async function listenOnOnePort(port: number, grpc: GrpcFace, http: HttpServer): Promise<OnePort> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    void firstBytes(socket, http2Preface.length).then((bytes) => {
      if (bytes === undefined) return;
      socket.unshift(bytes);
      if (bytes.toString('latin1').startsWith(http2Preface)) grpc.accept(socket);
      else http.emit('connection', socket);
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** At least `count` bytes of what the client sends first; undefined when it leaves before that. */
function firstBytes(socket: Socket, count: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) bytes = Buffer.concat([bytes, chunk]);
      if (bytes.byteLength >= count) finish(bytes);
    };
    const leave = () => finish(undefined);
    const finish = (result: Buffer | undefined) => {
      socket.off('readable', read);
      socket.off('close', leave);
      socket.off('end', leave);
      if (result === undefined) socket.destroy();
      resolve(result);
    };
    socket.on('readable', read);
    socket.on('close', leave);
    socket.on('end', leave);
  });
}
