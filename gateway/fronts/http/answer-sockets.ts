import type { Socket } from 'node:net';

const continueHead = Buffer.from('HTTP/1.1 100 ');
const statusAt = 'HTTP/1.1 '.length;
const headEnd = '\r\n\r\n';

/**
 * Corrects how the client library reads a connection to an endpoint.
 *
 * An answer without a length ends with its connection. The library takes a reset for such an end, since some systems report one after a whole
 * answer; behind a load balancer it is an answer that was cut. Under another name it is the failure that it is.
 *
 * The library closes a connection on which `100 Continue` comes without having been asked for. A client must be ready to get it: it is left
 * out. Source: RFC 9110 §15.2.
 */
export function readAnswersWhole(socket: Socket): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET';
  });
  // Whatever is written is a request: what comes next is the head of its answer.
  let headIsDue = false;
  const write = socket.write.bind(socket) as (bytes: Buffer, ...rest: unknown[]) => boolean;
  socket.write = ((bytes: Buffer, encoding?: unknown, done?: unknown) => {
    headIsDue = true;
    return write(bytes, encoding, done);
  }) as Socket['write'];
  const read = socket.read.bind(socket);
  socket.read = (sizeBytes?: number): Buffer | null => {
    let piece = read(sizeBytes) as Buffer | null;
    while (headIsDue && piece && beginsContinue(piece)) {
      const end = piece.indexOf(headEnd);
      if (end < 0) break;
      piece = piece.length > end + headEnd.length ? piece.subarray(end + headEnd.length) : (read() as Buffer | null);
    }
    if (piece) headIsDue = false;
    return piece;
  };
}

function beginsContinue(piece: Buffer): boolean {
  // A look at the first digit of the status spares each other answer the comparison.
  return piece[statusAt] === continueHead[statusAt] && piece.subarray(0, continueHead.length).equals(continueHead);
}
