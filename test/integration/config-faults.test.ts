import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { startEngine } from '../support/scripted-engine.ts';

const services = ['gateway/main.ts', 'functions/processor/main.ts'];

function start(script: string, env: Readonly<Record<string, string>>) {
  const cwd = resolve(import.meta.dirname, '../..');
  const { PATH = '' } = process.env;
  return spawnSync(process.execPath, [script], { cwd, env: { PATH, NODE_NO_WARNINGS: '1', ...env }, encoding: 'utf8' });
}

describe.each(services)('%s', (script) => {
  test('ends with 2 where a variable is wrong, and names those that look misspelt', () => {
    const { status, stderr } = start(script, { PORT: 'x', LOG_LEVL: 'debug' });
    expect(status).toBe(2);
    expect(stderr).toContain('PORT must be');
    expect(stderr).toContain('LOG_LEVL is no variable of ours: is LOG_LEVEL meant?');
  });

  test.each([
    'http://user:hunter2@host/?x=1',
    'http://a:1,http://user:hunter2@host?x=1',
    'http://user:hunter2,@@host?x=1',
    'user:hunter2@host',
  ])('never tells the password of %s', (url) => {
    const { status, stderr, stdout } = start(script, { ENDPOINTS: url, INFERENCE_GATEWAY_URL: url, PORT: '0' });
    expect(status).toBe(2);
    expect(stderr + stdout).not.toContain('hunter2');
  });
});

test('a variable that looks misspelt is warned of while it runs', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url, QUEUE_TIMEOUT: '5' });
  await until(() => gateway.output().includes('is QUEUE_TIMEOUT_SECONDS meant?'), { what: 'the warning' });
});
