const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Whether the objects and arrays of a JSON text have more than `most` members and elements together. A text that is too short for
 * them, two bytes each, is not looked at.
 */
export function hasMoreEntries(bytes: Uint8Array, most: number): boolean {
  return bytes.length > 2 * most && countEntries(bytes, most) > most;
}

/**
 * How many members and elements the objects and arrays of a JSON text have together, up to `most` + 1: what parsing it costs beside
 * its bytes. Of bytes that are no JSON it is some number. One pass that builds nothing.
 */
export function countEntries(bytes: Uint8Array, most: number): number {
  let entries = 0;
  let opened = false;
  for (let at = 0; at < bytes.length && entries <= most; at += 1) {
    const byte = bytes[at] as number;
    if (byte <= 0x20) continue;
    // What follows the opening of a container is its first entry, unless it is the end.
    if (opened && byte !== closeBrace && byte !== closeBracket) entries += 1;
    opened = byte === openBrace || byte === openBracket;
    if (byte === comma) entries += 1;
    else if (byte === quote) at = stringEnd(bytes, at + 1);
  }
  return entries;
}

/** Where the closing quote stands, or the end of the bytes. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
