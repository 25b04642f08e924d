/** No connection came about: nothing listens there, or the address cannot be reached. */
const refusedCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether an error of the HTTP client says that the endpoint took no connection at all. */
export function isRefusedConnection(error: unknown): boolean {
  return error instanceof Error && refusedCodes.has(String((error as { code?: unknown }).code));
}
