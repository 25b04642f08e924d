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

/** The process is out of file descriptors, ports or memory for connections: that says nothing of the endpoint. */
const ownFaultCodes = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** Of an error of Node or the HTTP client; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? String((error as { code?: unknown }).code ?? '') : '';
}

/** Whether the gateway itself could not make the connection. */
export function isOwnFault(error: unknown): boolean {
  return ownFaultCodes.has(codeOf(error));
}

/** Whether an error of the HTTP client says that the endpoint took no connection at all. */
export function isRefusedConnection(error: unknown): boolean {
  return refusedCodes.has(codeOf(error));
}
