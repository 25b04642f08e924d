const parentCheckEveryMs = 500;

/** Aborts on Ctrl-C, on SIGTERM, when the terminal closes, and when the npm that runs this process is gone, `kill -9` included. */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && stopping.abort(), parentCheckEveryMs).unref();
  }
  return stopping.signal;
}
