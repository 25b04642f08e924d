import { type Logger, pino } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
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

/**
 * JSON lines in Cloud Logging's shape: `severity`, `message`, `time`.
 * Source: https://cloud.google.com/logging/docs/structured-logging
 */
export function createLogger(level: LogLevel, service: string): Logger {
  return pino({
    level,
    messageKey: 'message',
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ severity: severities[label] ?? 'DEFAULT' }) },
    serializers: { err: describeError, error: describeError },
  });
}

/** Says where a service listens, whatever its log level: whoever started it waits for this line. */
export function announceListening(url: string, service: string): void {
  createLogger('info', service).info({ event: 'listening' }, `listening on ${url} as ${service}`);
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
