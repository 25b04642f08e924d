/** Answers of which another endpoint may give a better one. Protocol: contract §6. */
const declined: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** Whether a request with this answer is tried elsewhere, where there is another endpoint. */
export function isDeclined(status: number): boolean {
  return declined.has(status);
}

/** Source: vLLM's admission control, `--max-num-queued-reqs`: 503, "The engine is currently busy … on a different instance." */
const admissionRefusal = /\btry\b[^"]{0,200}\bon a different instance\b/i;

/** Whether an answer says that the engine is full, and not broken: a 429, or vLLM's own refusal. */
export function saysItIsFull(status: number, body: string): boolean {
  return status === 429 || (status === 503 && admissionRefusal.test(body));
}
