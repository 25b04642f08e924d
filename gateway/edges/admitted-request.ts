import type { Objective } from '../decisions/objectives.ts';

/** A request that was admitted. */
export interface AdmittedRequest {
  readonly requestId: string;
  /** Path and query as the client wrote them. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  readonly promptTokens: number;
  readonly maxOutputTokens: number | undefined;
  readonly tenant: string;
  readonly objective: Objective;
  readonly ttftSloMs: number | undefined;
  readonly tpotSloMs: number | undefined;
}
