/** How large a prompt is, as far as its body shows before a model server has counted the tokens. */
export interface PromptSize {
  /** Bytes of the whole body, without those of its attachments. */
  readonly textBytes: number;
  /** Files that are written into the body in base64, such as images and sounds. */
  readonly attachments: number;
}

const attachmentMark = ';base64,';
/**
 * Up to this size, a text that only mentions the mark must not count as a file: a file outweighs a text of this size. Derived: eight
 * times what a file counts, at four bytes a token.
 */
const shortBodyBytes = 32 * 1024;
/** Base64 characters that a file in a short body has at least. Derived: an image of one pixel has ninety, every other more than this. */
const leastFileBytes = 256;
/** The characters of both base64 alphabets, and the backslash that JSON may put before a slash. Protocol: RFC 4648, RFC 8259. */
const inBase64 = new Uint8Array(256);
for (const byte of new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\')) {
  inBase64[byte] = 1;
}

/**
 * The most attachments that are looked for: no prompt has more, and what lies beyond counts as text. Derived: vLLM takes one of a kind
 * unless told otherwise.
 */
const mostAttachments = 1000;
/**
 * Base64 of this length is a file, and the quote behind it is its end, where what stands before the quote is base64, too. Derived: no word
 * or number of a text is as long.
 */
const surelyFileBytes = 1024;
/** Protocol: JSON's double quote. */
const quote = 0x22;

/** Measures a body: a file that stands in a data URL is one attachment, and everything else is text. */
export function promptSizeOf(body: Buffer): PromptSize {
  const leastBytes = body.length > shortBodyBytes ? 0 : leastFileBytes;
  let textBytes = body.length;
  let attachments = 0;
  let marks = 0;
  for (let at = body.indexOf(attachmentMark); at >= 0; at = body.indexOf(attachmentMark, at)) {
    marks += 1;
    if (marks > mostAttachments) break;
    const start = at + attachmentMark.length;
    at = endOfBase64(body, start);
    if (at - start < leastBytes) continue;
    textBytes -= at - start;
    attachments += 1;
  }
  return { textBytes, attachments };
}

/** The bytes of a large file are not looked at one by one. */
function endOfBase64(body: Buffer, start: number): number {
  const surely = base64Until(body, start, start + surelyFileBytes);
  if (surely < start + surelyFileBytes) return surely;
  const end = body.indexOf(quote, surely);
  const isWhole = end >= 0 && base64Until(body, Math.max(surely, end - surelyFileBytes), end) === end;
  return isWhole ? end : base64Until(body, surely, body.length);
}

/** The first byte from `from` on that is no base64, `until` at the latest. */
function base64Until(body: Buffer, from: number, until: number): number {
  const last = Math.min(until, body.length);
  let at = from;
  while (at < last && inBase64[body[at]!] === 1) at += 1;
  return at;
}
