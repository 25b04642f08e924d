import { generate } from 'selfsigned';

/**
 * Prints a key and the certificate that it signs itself, as JSON with both in PEM: a program of its own, which `selfSigned` runs. With the
 * library in the process V8's scavenges keep every request until a full collection, which nearly doubles what a request costs.
 */

/** Derived: longer than a process runs; proxies check neither the signature of the certificate nor its dates. */
const validDays = 3650;

const made = await generate([{ name: 'commonName', value: 'endpoint-picker' }], {
  keyType: 'ec',
  algorithm: 'sha256',
  notAfterDate: new Date(Date.now() + validDays * 24 * 3600 * 1000),
});
process.stdout.write(JSON.stringify({ key: made.private, cert: made.cert }));
