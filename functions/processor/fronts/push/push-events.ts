/** What the push front tells, beside what the processor tells of the messages. */
export interface PushEvents {
  /** A push is answered that brought no message; `pool` is then empty. */
  delivered(pool: string, status: number): void;
  /** A body is no push: the subscription is set up wrongly. */
  notAPush(why: string): void;
  /** A push may not pass, for a reason that holds nothing of its token. */
  pushRefused(status: number, why: string): void;
  /** A request met an error that no rule foresees. */
  crashed(error: unknown): void;
}
