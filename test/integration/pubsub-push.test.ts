import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { OAuth2Client } from 'google-auth-library';
import { expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { restClient } from '../support/pubsub-rest.ts';
import { startPushReceiver } from '../support/push-receiver.ts';

const script = 'infra/local/pubsub/main.ts';

test('a push token verifies against the certificates, and only for its audience', async () => {
  const server = await startProcess(script, ['--port', '0']);
  const rest = restClient(server.url);
  const receiver = await startPushReceiver();
  const oidcToken = { serviceAccountEmail: 'push@test.iam.gserviceaccount.com', audience: 'backfill' };
  await rest.create('signed', { pushConfig: { pushEndpoint: receiver.url, oidcToken } });
  await rest.publish('signed', ['x']);
  const { headers } = await until(() => receiver.pushes[0], { what: 'the push' });
  const token = headers.authorization?.replace('Bearer ', '') ?? '';
  const certificates = await rest.document<Record<string, string>>('/certs');
  const verified = (audience: string) =>
    new OAuth2Client().verifySignedJwtWithCertsAsync(token, certificates, audience, ['https://accounts.google.com']);
  expect((await verified('backfill')).getPayload()).toMatchObject({
    iss: 'https://accounts.google.com',
    aud: 'backfill',
    email: oidcToken.serviceAccountEmail,
    email_verified: true,
    sub: expect.stringMatching(/^\d{21}$/),
  });
  await expect(verified('another')).rejects.toThrow(/audience/i);

  const [pem = ''] = Object.values(certificates);
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(new Date(certificate.validTo).getUTCFullYear() - new Date().getUTCFullYear()).toBeGreaterThanOrEqual(9);
  const { keys } = await rest.document<{ keys: Record<string, string>[] }>('/certs/jwks');
  const [header = '', claims = '', signature = ''] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const key = createPublicKey({ key: keys.find((one) => one.kid === kid)!, format: 'jwk' });
  expect(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
  await Promise.all([server.kill(), receiver.close()]);
});

test('after five refused pushes, each of them counted in the body, a message is a dead letter', async () => {
  const server = await startProcess(script, ['--port', '0']);
  const rest = restClient(server.url);
  const receiver = await startPushReceiver(() => 503);
  await rest.create('dead');
  await rest.create('poison', {
    pushConfig: { pushEndpoint: receiver.url },
    deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 5 },
  });
  await rest.publish('poison', ['x']);
  const [dead] = await until(async () => nonEmpty(await rest.pull('dead', false)), { what: 'the dead letter' });
  expect(dead?.message.attributes).toMatchObject({ CloudPubSubDeadLetterSourceDeliveryCount: '5' });
  expect(receiver.pushes.map(({ body }) => body.deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
  await Promise.all([server.kill(), receiver.close()]);
});

test('deliveries are duplicated, delayed, and answers lost, as often as the flags say', async () => {
  const flags = ['--duplicate-rate', '0.5', '--drop-response-rate', '0.5', '--delay-ms', '200'];
  const faulty = await startProcess(script, ['--port', '0', ...flags]);
  const rest = restClient(faulty.url);
  const receiver = await startPushReceiver();
  await rest.create('faulty', { pushConfig: { pushEndpoint: receiver.url } });
  const startedAtMs = performance.now();
  const texts = Array.from({ length: 200 }, (_, n) => String(n));
  const ids = await rest.publish('faulty', texts);
  await until(() => receiver.pushes.length > 0, { what: 'the first push' });
  expect(performance.now() - startedAtMs).toBeGreaterThan(190);
  // 200 messages, half of them twice, each delivered twice on average.
  await until(() => receiver.pushes.length > 450, { what: 'duplicates and lost answers' });
  expect(new Set(receiver.pushes.map(({ body }) => body.message.messageId))).toEqual(new Set(ids));
  await Promise.all([faulty.kill(), receiver.close()]);
});

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}
