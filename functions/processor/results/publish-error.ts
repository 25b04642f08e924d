// gRPC status codes. Source: https://grpc.io/docs/guides/status-codes/
const invalidArgument = 3;
const hopeless: ReadonlySet<number> = new Set([invalidArgument, 5, 7, 16]);

/** A message that Pub/Sub has not confirmed. */
export class PublishError extends Error {
  /** Pub/Sub refuses this very message: its topic may be well. */
  readonly isMessagesFault: boolean;

  constructor(topic: string, cause: unknown) {
    super(`publishing to ${topic} failed: ${(cause as Error).message}`, { cause });
    this.name = 'PublishError';
    this.isMessagesFault = codeOf(cause) === invalidArgument;
  }
}

/** Whether another try would fail alike: the message is refused, or the topic is not there, or not ours. */
export function isHopeless(error: unknown): boolean {
  return hopeless.has(codeOf(error));
}

function codeOf(error: unknown): number {
  return Number((error as { code?: unknown }).code);
}
