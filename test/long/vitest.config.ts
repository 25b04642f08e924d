import { defineConfig } from 'vitest/config';

/** The long runs, one after another: each may use the whole machine. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.long.ts'],
    testTimeout: 60 * 60_000,
    fileParallelism: false,
    env: { METADATA_SERVER_DETECTION: 'none' },
    reporters: ['verbose'],
  },
});
