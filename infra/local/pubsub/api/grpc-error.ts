import { Metadata } from '@grpc/grpc-js';
import { asRefusal, statusCodes } from './refusal.ts';

/** An error as grpc-js sends it. */
export function grpcError(error: unknown) {
  const { code, message } = asRefusal(error);
  return Object.assign(new Error(message), {
    code: statusCodes[code].grpc,
    details: message,
    metadata: new Metadata(),
  });
}
