/** How far the process is on its way down. */
export type DrainPhase =
  /** It is not on its way down. */
  | 'none'
  /** Requests are served, and each answer ends its connection. */
  | 'serving'
  /** New requests are refused; what runs goes on. */
  | 'refusing'
  /** What still runs is ended, and what still comes in is refused. */
  | 'ending';
