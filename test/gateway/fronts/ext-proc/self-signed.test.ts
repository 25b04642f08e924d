import { X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { selfSigned } from '../../../../gateway/fronts/ext-proc/self-signed.ts';

test('a key and its certificate, and nothing of the library that makes them stays in the process', async () => {
  const { key, cert } = await selfSigned();
  expect(() => createSecureContext({ key, cert })).not.toThrow();
  const certificate = new X509Certificate(cert);
  expect([certificate.subject, certificate.verify(certificate.publicKey)]).toEqual(['CN=endpoint-picker', true]);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.filter((path) => /selfsigned|x509/.test(path))).toEqual([]);
});
