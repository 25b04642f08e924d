import { exitLogged, type Logger } from './logger.ts';

/**
 * Ends the process once `drain` has resolved, with its log written: after SIGTERM or SIGINT with 0, after an exception that nothing
 * caught with 1. Whatever is thrown while it drains is logged and cuts nothing off. A second signal ends it at once, with 1.
 * `drain` is called once, is told why, and has to bound its own time.
 */
export function endGracefully(log: Logger, drain: (why: string) => Promise<void>): void {
  let exitCode = 0;
  let signals = 0;
  let isEnding = false;
  const end = (why: string): void => {
    if (isEnding) return;
    isEnding = true;
    void drain(why)
      .catch((error: unknown) => {
        log.fatal({ event: 'drain_failed', err: error }, 'the drain failed');
        exitCode = 1;
      })
      .then(() => exitLogged(exitCode));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals === 1) end(signal);
      else void exitLogged(1);
    });
  }
  process.on('uncaughtException', (error) => {
    log.fatal({ event: 'uncaught_exception', err: error }, 'an error that nothing caught: the process drains and ends');
    exitCode = 1;
    end('uncaughtException');
  });
}
