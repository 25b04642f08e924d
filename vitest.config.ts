import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // For a machine that is loaded ten times over: what a test waits for has limits of its own.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Scenarios start processes of their own and wait for most of their time: four files at a time fill two cores.
    maxWorkers: 4,
    // Outside Google Cloud its credentials library would look for a metadata server on the network.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
});
