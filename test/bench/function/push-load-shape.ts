/** What the load generator is told, as JSON in its one argument. */
export interface PushLoad {
  readonly url: string;
  /** Of each message. */
  readonly dataBytes: number;
  readonly connections: number;
  readonly durationMs: number;
}

/** What it prints. */
export interface PushLoadResult {
  readonly answered: number;
  /** With another status than 204, or none. */
  readonly failed: number;
  readonly seconds: number;
}
