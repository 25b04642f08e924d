import type { Dialect } from './dialect.ts';

/** SGLang, started with `--enable-metrics`. Source: SGLang's documentation of its production metrics. */
export const sglang: Dialect = {
  'sglang:num_running_reqs': ({ value }) => ({ running: value }),
  'sglang:num_queue_reqs': ({ value }) => ({ waiting: value }),
  'sglang:token_usage': ({ value }) => ({ kvCacheUtilization: value }),
};
