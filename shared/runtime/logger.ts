import { type Logger, type LoggerOptions, pino } from 'pino';

/** Values of `LOG_LEVEL`. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** One of them. */
export type LogLevel = (typeof logLevels)[number];
export type { Logger };

const severities: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

/** Standard output, written in the background: a slow reader of the log does not hold up the service. Lines beyond the bound are dropped. */
const output = pino.destination({ fd: 1, sync: false, minLength: 1, maxLength: 16 * 1024 * 1024 });
/** For the last lines at the end of the process. Derived: a reader that takes none within a second takes none at all. */
const longestFlushMs = 1000;

/**
 * JSON lines in Cloud Logging's shape: `severity`, `message`, `time`.
 * Source: https://cloud.google.com/logging/docs/structured-logging
 */
export function createLogger(level: LogLevel, service: string): Logger {
  const options: LoggerOptions = {
    level,
    messageKey: 'message',
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ severity: severities[label] ?? 'DEFAULT' }) },
    serializers: { err: describeError, error: describeError },
  };
  return pino(options, output);
}

/** Says where a service listens, whatever its log level: scripts that start it wait for this line. */
export function announceListening(url: string, service: string): void {
  createLogger('info', service).info({ event: 'listening' }, `listening on ${url} as ${service}`);
}

/**
 * Ends the process as soon as its log is written, after a second at the latest. `process.exit` alone would wait for the
 * log's reader, and for ever where there is none any more.
 */
export async function exitLogged(exitCode: number): Promise<never> {
  await new Promise<void>((written) => {
    output.flush(() => written());
    setTimeout(written, longestFlushMs);
  });
  output.destroy();
  process.exit(exitCode);
}

/** The fields by which Cloud Logging joins a line to a trace. */
export function traceFields(traceId: string | undefined, projectId: string | undefined): Record<string, string> {
  if (!traceId) return {};
  return { 'logging.googleapis.com/trace': projectId ? `projects/${projectId}/traces/${traceId}` : traceId };
}

/** An error without the request and response objects that client libraries hang on it: those hold prompts and tokens. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return { type: error.name, message: error.message, stack: error.stack, ...(code === undefined ? {} : { code }) };
}
