import { defineConfig } from 'vitest/config';

/** Against what others made, one file after another: each starts servers that need the machine. */
export default defineConfig({
  test: {
    include: ['test/real/**/*.real.ts'],
    testTimeout: 20 * 60_000,
    hookTimeout: 30 * 60_000,
    fileParallelism: false,
    env: { METADATA_SERVER_DETECTION: 'none' },
    reporters: ['verbose'],
  },
});
