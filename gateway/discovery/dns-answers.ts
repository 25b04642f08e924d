/** What the answers for a name have told so far. */
export interface Service {
  /** The addresses in use, sorted. */
  readonly addresses: readonly string[];
  /** Those of the addresses that the last answer lacked. */
  readonly missing: readonly string[];
}

/** Before any answer. */
export const noService: Service = { addresses: [], missing: [] };

/**
 * Gives the addresses after another answer, which is not empty: those that it has, and those that it lacks but the answer before had.
 * Resolvers behind one name disagree while a change spreads, and answers are cut short. An endpoint that is really gone refuses connections
 * meanwhile.
 */
export function nextService({ addresses, missing }: Service, answer: readonly string[]): Service {
  const lacking = addresses.filter((address) => !answer.includes(address));
  const doubtful = lacking.filter((address) => !missing.includes(address));
  return { addresses: [...new Set([...answer, ...doubtful])].sort(), missing: doubtful };
}
