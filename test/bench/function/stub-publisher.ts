import { Server, ServerCredentials } from '@grpc/grpc-js';

/**
 * A Pub/Sub that confirms every publish and costs next to nothing: it counts a request's messages and keeps none.
 * Source: google/pubsub/v1/pubsub.proto, PublishRequest and PublishResponse.
 */
const messagesTag = 0x12;
const messageIdsTag = 0x0a;
const id = Buffer.from([messageIdsTag, 1, 0x31]);

const server = new Server();
server.addService(
  {
    Publish: {
      path: '/google.pubsub.v1.Publisher/Publish',
      requestStream: false,
      responseStream: false,
      requestDeserialize: countMessages,
      requestSerialize: () => Buffer.alloc(0),
      responseSerialize: (count: number) => Buffer.concat(Array<Buffer>(count).fill(id)),
      responseDeserialize: () => 0,
    },
  },
  {
    Publish: (call: { request: number }, done: (error: null, count: number) => void) => done(null, call.request),
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});

function countMessages(request: Buffer): number {
  let count = 0;
  for (let at = 0; at < request.length; ) {
    if (request[at] === messagesTag) count += 1;
    let length = 0;
    let shift = 0;
    do {
      at += 1;
      length |= ((request[at] ?? 0) & 0x7f) << shift;
      shift += 7;
    } while ((request[at] ?? 0) & 0x80);
    at += 1 + length;
  }
  return count;
}
