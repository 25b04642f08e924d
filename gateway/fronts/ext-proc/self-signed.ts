/** Derived: longer than a process runs; proxies check neither the signature of the certificate nor its dates. */
const validDays = 3650;

/** A key and a certificate that it signs itself, as endpoint pickers have them: the proxy wants encryption, and does not ask for more. */
export async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const { generate } = await import('./certificate-maker.ts');
  const notAfterDate = new Date(Date.now() + validDays * 24 * 3600 * 1000);
  const made = await generate([{ name: 'commonName', value: 'endpoint-picker' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate,
  });
  return { key: made.private, cert: made.cert };
}
