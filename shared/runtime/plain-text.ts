/**
 * Where the words, four bytes each, end that hold no quote, backslash or control character; all bytes behind may be plain, too. Half the
 * time of a look at each byte. Source: https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord and #HasLessInWord
 */
export function plainUntil(text: Uint8Array, from: number): number {
  const words = new DataView(text.buffer, text.byteOffset, text.length);
  let at = from;
  for (; at + 4 <= text.length; at += 4) {
    const word = words.getInt32(at, true);
    const [quotes, backslashes] = [word ^ 0x22222222, word ^ 0x5c5c5c5c];
    const isControl = (word - 0x20202020) & ~word;
    const isQuote = (quotes - 0x01010101) & ~quotes;
    const isBackslash = (backslashes - 0x01010101) & ~backslashes;
    if (((isControl | isQuote | isBackslash) & 0x80808080) !== 0) break;
  }
  return at;
}
