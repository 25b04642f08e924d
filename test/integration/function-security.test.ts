import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { type FunctionWorld, startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { restClient } from '../support/pubsub-rest.ts';
import { startPushReceiver } from '../support/push-receiver.ts';

const account = 'push@test.iam.gserviceaccount.com';
const worlds: FunctionWorld[] = [];
afterAll(() => Promise.all(worlds.map((world) => world.close())));

test('pushes with the token of the right audience and account alone are taken', async () => {
  // Another Pub/Sub signs; the certificates of this one are the ones that count.
  const signer = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const world = await startFunctionWorld({
    PUSH_AUDIENCE: 'backfill',
    PUSH_SERVICE_ACCOUNT: account,
    PUSH_CERTS_URL: `${signer.url}/certs`,
  });
  worlds.push(world);
  const rest = restClient(signer.url);
  const pushFrom = async (topic: string, audience: string, serviceAccountEmail: string): Promise<void> => {
    const oidcToken = { serviceAccountEmail, audience };
    await rest.create(topic, { pushConfig: { pushEndpoint: world.service().url, oidcToken } });
    await rest.publish(topic, [JSON.stringify({ id: topic, payload: { model: 'm', messages: [] } })]);
  };
  const answered = (status: number): Promise<boolean> =>
    until(async () => (await world.metric(new RegExp(`^async_deliveries_total\\{.*status="${status}"`))) > 0, {
      what: `a delivery answered with ${status}`,
    });

  await pushFrom('ours', 'backfill', account);
  await world.arrived('results', 'ours');
  await pushFrom('other-audience', 'elsewhere', account);
  await answered(401);
  await pushFrom('other-account', 'backfill', 'other@test.iam.gserviceaccount.com');
  await answered(403);
  expect(await world.push()).toBe(401);
  for (const why of ['for another audience', 'of another account']) {
    await until(() => world.service().output().includes(why), { what: `${why} in the log` });
  }
  expect(world.has('results', 'other-audience') || world.has('results', 'other-account')).toBe(false);

  const receiver = await startPushReceiver();
  const oidcToken = { serviceAccountEmail: account, audience: 'backfill' };
  await rest.create('seen', { pushConfig: { pushEndpoint: receiver.url, oidcToken } });
  await rest.publish('seen', ['x']);
  const push = await until(() => receiver.pushes[0], { what: 'a push to read the token from' });
  const token = push.headers.authorization?.replace('Bearer ', '') ?? '';
  expect(await world.post('{}', { authorization: `bearer ${token}` })).toBe(400);
  expect(await world.post('{}', { authorization: `Bearer ${token}x` })).toBe(401);
  expect(world.service().output()).not.toContain(token.slice(0, 40));
  expect((await fetch(`${world.service().url}/healthz`)).status).toBe(200);
  await Promise.all([signer.kill(), receiver.close()]);
});

test('with certificates out of reach nothing passes, and nothing is lost', async () => {
  const world = await startFunctionWorld({
    PUSH_AUDIENCE: 'backfill',
    PUSH_SERVICE_ACCOUNT: account,
    PUSH_CERTS_URL: 'http://127.0.0.1:9/certs',
  });
  worlds.push(world);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'RS256', kid: 'k' })}.${part({})}.c2ln`;
  expect(await world.post('{}', { authorization: `Bearer ${token}` })).toBe(503);
});

test('calls carry an ID token for the gateway’s audience, and without one nothing is sent', async () => {
  const claims = Buffer.from(JSON.stringify({ exp: Date.now() / 1000 + 3600 })).toString('base64url');
  const idToken = `h.${claims}.s`;
  let isWell = false;
  const asked: string[] = [];
  const metadata = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(isWell ? 200 : 404, { 'metadata-flavor': 'Google' }).end(idToken);
  });
  await new Promise<void>((listening) => metadata.listen(0, '127.0.0.1', listening));
  const world = await startFunctionWorld({
    INFERENCE_GATEWAY_AUDIENCE: 'https://gateway.internal',
    GCE_METADATA_HOST: `127.0.0.1:${(metadata.address() as AddressInfo).port}`,
    METADATA_SERVER_DETECTION: 'assume-present',
  });
  worlds.push(world);
  expect(await world.push()).toBe(503);
  expect(world.upstream.calls).toHaveLength(0);
  await until(() => world.service().output().includes('credential_failed'), { what: 'the fault in the log' });
  isWell = true;
  expect(await world.push()).toBe(204);
  expect(await world.push()).toBe(204);
  expect(world.upstream.calls.map(({ headers }) => headers.authorization)).toEqual(Array(2).fill(`Bearer ${idToken}`));
  const identities = asked.filter((url) => url.includes('identity'));
  expect(new URL(`http://m${identities.at(-1)}`).searchParams.get('audience')).toBe('https://gateway.internal');
  await until(() => world.published('results').length === 2, { what: 'both results' });
  expect(world.service().output()).not.toContain(claims);
  metadata.close();
});
