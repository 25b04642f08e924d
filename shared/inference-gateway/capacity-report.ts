/** What `GET /capacity` of the gateway answers, and source `gateway` of the function reads. */
export interface CapacityReport {
  /** 0 idle, ≥ 1 full for sheddable work; an empty pool reads 1. */
  readonly saturation: number;
  readonly readyEndpoints: number;
  readonly sheddable: { readonly window: number; readonly inFlight: number };
  /** Waiting requests by priority. */
  readonly queued: Readonly<Record<string, number>>;
  readonly realtime: {
    /** What saturation would be without sheddable work. */
    readonly saturation: number;
    /** Whether real-time work misses its SLO more often than its budget allows: escalation pauses then. */
    readonly overBudget: boolean;
  };
  /** RFC 3339 instant. */
  readonly asOf: string;
}
