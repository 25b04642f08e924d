import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { connectPubSub, findTarget } from '../../../infra/cli/pubsub-target.ts';

const url = 'http://127.0.0.1:4000';
const stack = { pubsub: url, gateway: '', function: '', monitoring: '', projectId: 'local', store: '' };
const emulator = { PUBSUB_EMULATOR_HOST: 'localhost:8085' };
const inCloud = { GOOGLE_CLOUD_PROJECT: 'production' };

const targets: [what: string, ...Parameters<typeof findTarget>, projectId: string, local: string | undefined][] = [
  ['the emulator named by the environment', undefined, emulator, undefined, 'local', 'localhost:8085'],
  ['its project too', undefined, { ...emulator, ...inCloud }, stack, 'production', 'localhost:8085'],
  ['the project of the flag there', 'p', { ...emulator, ...inCloud }, stack, 'p', 'localhost:8085'],
  ['Google Cloud where a project is given', 'p', inCloud, stack, 'p', undefined],
  ['the stack otherwise, whatever the shell’s project', undefined, inCloud, stack, 'local', '127.0.0.1:4000'],
  ['an empty variable is none', undefined, { PUBSUB_EMULATOR_HOST: '' }, stack, 'local', '127.0.0.1:4000'],
];

test.each(targets)('%s', (_what, project, env, running, projectId, local) => {
  expect(findTarget(project, env, running)).toMatchObject({ projectId, local });
});

test('nothing that says where is told', () => {
  expect(() => findTarget(undefined, inCloud, undefined)).toThrow('npm start');
});

test('an address where nothing listens is told at once', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  const target = findTarget(undefined, { PUBSUB_EMULATOR_HOST: `127.0.0.1:${port}` }, undefined);
  await expect(connectPubSub(target)).rejects.toThrow(`nothing answers at PUBSUB_EMULATOR_HOST=127.0.0.1:${port}`);
});
