/** How large a prompt is, as far as its body shows before a model server has counted the tokens. */
export interface PromptSize {
  /** Bytes of the whole body, without those of its attachments. */
  readonly textBytes: number;
  /** Files that are written into the body in base64, such as images and sounds. */
  readonly attachments: number;
}

const attachmentMark = ';base64,';
/** Up to this size, a text that only mentions the mark must not count as a file: a file outweighs a text of this size. */
const shortBodyBytes = 32 * 1024;
/** Base64 characters that a file in a short body has at least. */
const leastFileBytes = 256;
/** The characters of both base64 alphabets, and the backslash that JSON may put before a slash. */
const inBase64 = new Uint8Array(256);
for (const byte of new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\')) {
  inBase64[byte] = 1;
}

/** Measures a body: a file that stands in a data URL is one attachment, and everything else is text. */
export function promptSizeOf(body: Buffer): PromptSize {
  const leastBytes = body.length > shortBodyBytes ? 0 : leastFileBytes;
  let textBytes = body.length;
  let attachments = 0;
  for (let at = body.indexOf(attachmentMark); at >= 0; at = body.indexOf(attachmentMark, at)) {
    at += attachmentMark.length;
    const start = at;
    while (at < body.length && inBase64[body[at]!] === 1) at += 1;
    if (at - start < leastBytes) continue;
    textBytes -= at - start;
    attachments += 1;
  }
  return { textBytes, attachments };
}
