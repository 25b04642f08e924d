/** What the answers for a name have told so far. */
export interface Service {
  /** In use; in order. */
  readonly addresses: readonly string[];
  /** Of those, the ones that the last answer lacked. */
  readonly missing: readonly string[];
}

export const noService: Service = { addresses: [], missing: [] };

/**
 * The addresses after another answer, which is not empty: those it has, and those that it lacks but the one before had. Resolvers
 * behind one name disagree while a change spreads, and answers are cut short; who is really gone refuses connections meanwhile.
 */
export function nextService({ addresses, missing }: Service, answer: readonly string[]): Service {
  const lacking = addresses.filter((address) => !answer.includes(address));
  const doubtful = lacking.filter((address) => !missing.includes(address));
  return { addresses: [...new Set([...answer, ...doubtful])].sort(), missing: doubtful };
}
