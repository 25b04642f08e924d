/** Text from outside on one line: control characters, which could steer a terminal, become blanks, and what is too long is cut. */
export function printable(text: string, maxCharacters = 200): string {
  const line = text
    .slice(0, maxCharacters * 2)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters - 1)}…` : line;
}
