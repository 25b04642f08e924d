import domain from 'node:domain';

/**
 * The framework runs each request in a domain, and the first domain turns on hooks for every promise and socket of the process: a
 * quarter of the CPU that a message costs. What a domain would answer with 500, our handler answers itself, and an error outside of
 * any promise ends the process in order.
 */
export function runWithoutDomains(): void {
  Object.assign(domain, { create: () => ({ on: () => undefined, run: (work: () => void) => work() }) });
}
