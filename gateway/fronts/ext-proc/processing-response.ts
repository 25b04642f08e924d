import { picks } from './processing-request.ts';
import { ProtoWriter } from './protobuf.ts';
import { writeNestedText } from './struct.ts';

/** What a head is changed by. */
export interface HeaderMutation {
  /** Each replaces what the head has under its name. */
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove?: readonly string[];
}

/** Field numbers of `ProcessingResponse`. See ext_proc.proto. */
const answers = {
  request_headers: 1,
  response_headers: 2,
  request_body: 3,
  response_body: 4,
  request_trailers: 5,
  response_trailers: 6,
  immediate: 7,
  metadata: 8,
} as const;

/** Protocol: `HeaderValueOption.HeaderAppendAction`. */
const overwriteOrAdd = 2;

/**
 * Of the largest piece of a body in one message. Measured by llm-d: Envoy takes no larger ones than 64 KiB, with what is around the piece.
 */
export const mostPieceBytes = 62_000;

/** Each of these functions returns a message with gRPC's head. */
type Message = Buffer;

/** The choice: where the request is to go, first the best endpoint (`ip:port`), and what changes of its head. */
export function choiceOf(endpoints: readonly string[], { set, remove }: HeaderMutation): Message {
  const text = endpoints.join(',');
  const writer = new ProtoWriter();
  writeNestedText(writer, answers.metadata, { namespace: picks.namespace, key: picks.destination, text });
  const before = writer.sizeBytes;
  // The proxy chooses its route anew, since that may depend on the endpoint.
  writer.flag(5, true);
  writeMutation(writer, 2, { set: [...set, [picks.destination, text]], ...(remove ? { remove } : {}) });
  return writer.close(1, before).close(answers.request_headers, before).grpcMessage();
}

/** The head of an answer may go on to the client, so changed. */
export function answerHeadOf(mutation: HeaderMutation): Message {
  const writer = new ProtoWriter();
  writeMutation(writer, 2, mutation);
  return writer.close(1, 0).close(answers.response_headers, 0).grpcMessage();
}

/** A piece of a body goes on, of at most `mostPieceBytes`. Of a body that is sent back: nothing else of it does. */
export function pieceOf(of: 'request_body' | 'response_body', piece: Buffer, isLast: boolean): Message {
  const writer = new ProtoWriter(piece.length + 64);
  writer.flag(2, isLast);
  if (piece.length > 0) writer.bytes(1, piece);
  return writer.close(3, 0).close(3, 0).close(1, 0).close(answers[of], 0).grpcMessage();
}

/** A body, or what has come of it, in messages of such pieces. */
export function piecesOf(of: 'request_body' | 'response_body', body: Buffer, isEnd: boolean): readonly Message[] {
  const messages: Message[] = [];
  let at = 0;
  do {
    const piece = body.subarray(at, at + mostPieceBytes);
    at += piece.length;
    messages.push(pieceOf(of, piece, isEnd && at === body.length));
  } while (at < body.length);
  return messages;
}

/** A piece of a body that is not sent back, or trailers, go on as they are. */
export function passOn(what: 'response_body' | 'request_trailers' | 'response_trailers'): Message {
  return new ProtoWriter(16).close(answers[what], 0).grpcMessage();
}

/** An answer that the proxy is to give. */
export interface ImmediateAnswer {
  readonly status: number;
  readonly headers: HeaderMutation['set'];
  readonly body: string;
  /** For the proxy's own log. */
  readonly details: string;
}

/** The proxy gives this answer itself, and ends whatever it has begun for the request. */
export function immediateAnswerOf({ status, headers, body, details }: ImmediateAnswer): Message {
  const writer = new ProtoWriter();
  writer.text(5, details).text(3, body);
  writeMutation(writer, 2, { set: headers });
  const before = writer.sizeBytes;
  return writer.varint(1, status).close(1, before).close(answers.immediate, 0).grpcMessage();
}

function writeMutation(writer: ProtoWriter, field: number, { set, remove = [] }: HeaderMutation): void {
  const before = writer.sizeBytes;
  for (const name of remove.toReversed()) writer.text(2, name);
  for (const [name, value] of set.toReversed()) {
    const header = writer.sizeBytes;
    writer.varint(3, overwriteOrAdd);
    const inner = writer.sizeBytes;
    writer.text(3, value, 'latin1').text(1, name).close(1, inner).close(1, header);
  }
  writer.close(field, before);
}
