const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openArray, openObject] = [0x5b, 0x7b];

/** Parsing takes some 20 ns for a value in a list; for an array, an object or a key up to fifty times as much. */
const weightOfStructure = 20;
/** A body up to this size is parsed within milliseconds, whatever it holds. */
const alwaysLightBytes = 64 * 1024;
/** Three million token ids, or 150,000 arrays, objects and keys: a tenth of a second at the worst. */
const mostWeight = 3_000_000;

/**
 * Tells whether parsing the text as JSON, valid or not, would delay all other requests: 32 MiB of `[` or `{},` take seconds, 32 MiB of
 * prompt do not.
 */
export function isHeavyJson(bytes: Uint8Array): boolean {
  if (bytes.length <= alwaysLightBytes) return false;
  let weight = 0;
  let inString = false;
  for (let at = 0; at < bytes.length && weight <= mostWeight; at += 1) {
    const byte = bytes[at];
    if (byte === quote) inString = !inString;
    else if (inString) {
      if (byte === backslash) at += 1;
    } else if (byte === comma) weight += 1;
    else if (byte === colon || byte === openArray || byte === openObject) weight += weightOfStructure;
  }
  return weight > mostWeight;
}
