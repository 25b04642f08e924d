import { grpcStatus } from './grpc-messages.ts';
import type { GrpcMethod } from './grpc-server.ts';
import type { GrpcHandler, GrpcStream } from './grpc-stream.ts';
import { ProtoReader, ProtoWriter } from './protobuf.ts';

/** Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export const healthPaths = { check: '/grpc.health.v1.Health/Check', watch: '/grpc.health.v1.Health/Watch' } as const;
/** Protocol: `HealthCheckResponse.ServingStatus`. */
const [serving, notServing, unknownService] = [1, 2, 3];

/** How often a call that watches looks for a change. Derived: well below the second in which proxies ask. */
const lookAgainMs = 500;

/** Whether a service serves; undefined where there is none of that name. */
export type HealthOf = (service: string) => boolean | undefined;

/** gRPC's health service. */
export function healthMethods(healthOf: HealthOf): Readonly<Record<string, GrpcMethod>> {
  return {
    [healthPaths.check]: (stream) => new Check(stream, healthOf),
    [healthPaths.watch]: (stream) => new Watch(stream, healthOf),
  };
}

class Check implements GrpcHandler {
  readonly #stream: GrpcStream;
  readonly #healthOf: HealthOf;

  constructor(stream: GrpcStream, healthOf: HealthOf) {
    this.#stream = stream;
    this.#healthOf = healthOf;
  }

  message(bytes: Buffer): void {
    const healthy = this.#healthOf(serviceIn(bytes));
    if (healthy === undefined) {
      this.#stream.end(grpcStatus.notFound, 'there is no such service here');
      return;
    }
    this.#stream.write(statusMessage(healthy ? serving : notServing));
    this.#stream.end();
  }

  halfClosed(): void {}

  closed(): void {}
}

/** Says how the service is, and again whenever that changes. */
class Watch implements GrpcHandler {
  readonly #stream: GrpcStream;
  readonly #healthOf: HealthOf;
  #timer: NodeJS.Timeout | undefined;
  #said = -1;

  constructor(stream: GrpcStream, healthOf: HealthOf) {
    this.#stream = stream;
    this.#healthOf = healthOf;
  }

  message(bytes: Buffer): void {
    const service = serviceIn(bytes);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#say(service), lookAgainMs);
    this.#say(service);
  }

  halfClosed(): void {}

  closed(): void {
    clearInterval(this.#timer);
  }

  #say(service: string): void {
    const healthy = this.#healthOf(service);
    const status = healthy === undefined ? unknownService : healthy ? serving : notServing;
    if (status === this.#said) return;
    this.#said = status;
    this.#stream.write(statusMessage(status));
  }
}

function serviceIn(request: Buffer): string {
  const reader = new ProtoReader(request);
  let service = '';
  while (reader.next()) if (reader.field === 1) service = reader.text();
  return service;
}

function statusMessage(status: number): Buffer {
  return new ProtoWriter(32).varint(1, status).grpcMessage();
}
