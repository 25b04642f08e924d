/** The few pieces of ASN.1 DER that a self-signed certificate needs. Source: ITU-T X.690, RFC 5280 */
const sha256WithRsa = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
const commonName = Buffer.from('0603550403', 'hex');

/** The part of a certificate that is signed. `publicKey` is a SubjectPublicKeyInfo in DER. */
export function toBeSigned(name: string, publicKey: Buffer, serial: Buffer, fromMs: number, untilMs: number): Buffer {
  const subject = sequence(element(0x31, sequence(commonName, element(0x0c, Buffer.from(name)))));
  const version3 = element(0xa0, element(0x02, Buffer.from([2])));
  const validity = sequence(time(fromMs), time(untilMs));
  return sequence(version3, element(0x02, serial), sha256WithRsa, subject, validity, subject, publicKey);
}

/** The certificate in PEM, from its signed part and the RSA-SHA256 signature over that. */
export function certificatePem(signedPart: Buffer, signature: Buffer): string {
  const der = sequence(signedPart, sha256WithRsa, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, ...parts);
}

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.byteLength), content]);
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  return bytes < 0x100 ? Buffer.from([0x81, bytes]) : Buffer.from([0x82, bytes >> 8, bytes & 0xff]);
}

/** GeneralizedTime: YYYYMMDDHHMMSSZ. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '');
  return element(0x18, Buffer.from(digits));
}
