import { ConfigError, type Rule } from './read-config.ts';
import type { Variable } from './variables.ts';

const codes = ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND', 'EAI_AGAIN'];

/** An address that cannot be listened on is a fault of the variables that name it; any other error is itself. */
export function listenFault(error: unknown): unknown {
  const { code = '', message, syscall } = error as { code?: string; message?: string; syscall?: string };
  const isListening = syscall === 'listen' || syscall === 'getaddrinfo';
  return isListening && codes.includes(code)
    ? new ConfigError([`HOST, PORT and ADMIN_PORT must name an address that is free here: ${message}`])
    : error;
}

/** For a schema with both ports; two that are free ones may well both be 0. */
export const portsDiffer: Rule<{ readonly port: Variable<number>; readonly adminPort: Variable<number | undefined> }> =
  {
    needs: ['port', 'adminPort'],
    fault: ({ port, adminPort }) =>
      port !== 0 && port === adminPort ? `ADMIN_PORT must differ from PORT (${port})` : undefined,
  };
