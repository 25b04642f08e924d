import { expect, test } from 'vitest';
import { startProcess } from '../support/processes.ts';

test('a port that is taken is told by its flag', async () => {
  const first = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const { port } = new URL(first.url);
  for (const service of ['pubsub', 'monitoring', 'model-server']) {
    const second = startProcess(`infra/local/${service}/main.ts`, ['--port', port]);
    await expect(second, service).rejects.toThrow(`--port ${port}: `);
  }
});
