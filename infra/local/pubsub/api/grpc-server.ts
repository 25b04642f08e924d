import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { messageLimits } from '../broker/message.ts';
import type { Written } from '../catalog/settings.ts';
import type { ServeStreamingPull } from '../pull/streaming-pull.ts';
import { grpcError } from './grpc-error.ts';
import { fromProto, toProto } from './grpc-fields.ts';
import type { Methods, Request } from './methods.ts';
import { Refusal } from './refusal.ts';

/** Over this gRPC itself refuses, with a status that clients try again; so it is well above the limit that we tell. */
const maxRequestBytes = 6 * messageLimits.requestBytes;

/** The gRPC server, without a port of its own. */
export interface GrpcFace {
  /** Serves a connection that speaks HTTP/2. */
  accept(socket: Socket): void;
  /** Ends every call and connection. */
  stop(): void;
}

/** google.pubsub.v1 Publisher and Subscriber for the official clients. `onFault` hears of errors that are ours. */
export function createGrpcFace(
  methods: Methods,
  streamingPull: ServeStreamingPull,
  onFault: (error: unknown) => void,
): GrpcFace {
  const server = new Server({
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.max_send_message_length': -1,
  });
  for (const service of loadServices()) server.addService(service, implement(service));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: (socket) => injector.injectConnection(socket),
    stop: () => {
      injector.destroy();
      server.forceShutdown();
    },
  };

  function implement(service: ServiceDefinition): UntypedServiceImplementation {
    const handlers = Object.entries(service).map(([name, { requestStream }]) => {
      const method = name.charAt(0).toLowerCase() + name.slice(1);
      if (requestStream) return [name, streamingPull];
      return [name, Object.hasOwn(methods, method) ? unary(methods[method as keyof Methods]) : unknownMethod(name)];
    });
    return Object.fromEntries(handlers);
  }

  function unary(method: (request: Request, signal: AbortSignal) => Promise<object>) {
    return async (call: ServerUnaryCall<Written, Written>, answer: sendUnaryData<Written>) => {
      const gone = new AbortController();
      call.once('cancelled', () => gone.abort());
      try {
        answer(null, toProto((await method(fromProto(call.request), gone.signal)) as Written));
      } catch (error) {
        answer(grpcError(error));
        if (!(error instanceof Refusal)) onFault(error);
      }
    };
  }
}

function unknownMethod(name: string) {
  return (_call: unknown, answer: sendUnaryData<Written>) =>
    answer(grpcError(new Refusal('UNIMPLEMENTED', `The local Pub/Sub has no ${name}.`)));
}

/** The client library ships the protos of the API, and google-gax those that they import. */
function loadServices(): ServiceDefinition[] {
  const client = createRequire(import.meta.url).resolve('@google-cloud/pubsub');
  const gax = createRequire(client).resolve('google-gax');
  const definition = loadSync('google/pubsub/v1/pubsub.proto', {
    includeDirs: [client, gax].map((entry) => join(dirname(entry), '../protos')),
    longs: Number,
    enums: String,
  });
  const services = ['Publisher', 'Subscriber'].map(
    (name) => definition[`google.pubsub.v1.${name}`] as ServiceDefinition,
  );
  return services.map((service) =>
    Object.fromEntries(Object.entries(service).map(([name, it]) => [name, unmended(it)])),
  );
}

/** Of a `Buffer`, the decoder mends texts that are not UTF-8; of other bytes it leaves halves of pairs as they are, to be refused. */
function unmended<D extends ServiceDefinition[string]>(method: D): D {
  const requestDeserialize: D['requestDeserialize'] = ({ buffer, byteOffset, byteLength }) =>
    method.requestDeserialize(new Uint8Array(buffer, byteOffset, byteLength) as Buffer);
  return { ...method, requestDeserialize };
}
