import type { HeldBody } from '../http/held-body.ts';
import type { GrpcStream } from './grpc-stream.ts';
import { mostPieceBytes, passOn, pieceOf } from './processing-response.ts';

/** A body on its way back to the proxy. */
export interface ReturnedBody {
  readonly stream: Pick<GrpcStream, 'write'>;
  /** What goes before it. */
  readonly head: Buffer;
  readonly body: HeldBody;
  /** Trailers came behind it, so that its last piece is not the request's end. */
  readonly hasTrailers: boolean;
}

/** Sends a body back to the proxy, no faster than the proxy reads it, and holds it no longer than that. */
export function returnBody({ stream, head, body, hasTrailers }: ReturnedBody): void {
  const { bytes } = body;
  let at = 0;
  const sendOn = (before?: Buffer): void => {
    let first = before;
    do {
      const piece = bytes.subarray(at, at + mostPieceBytes);
      at += piece.length;
      const isLast = at === bytes.length;
      const messages = [pieceOf('request_body', piece, isLast && !hasTrailers)];
      if (first) messages.unshift(first);
      if (isLast && hasTrailers) messages.push(passOn('request_trailers'));
      first = undefined;
      if (isLast) body.release();
      const whole = messages.length === 1 ? messages[0]! : Buffer.concat(messages);
      const goesOn = stream.write(whole, isLast ? undefined : sendOn);
      if (!goesOn) return;
    } while (at < bytes.length);
  };
  sendOn(head);
}
