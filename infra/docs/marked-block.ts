/**
 * The page's text with this block between its marks, `<!-- NAME -->` and `<!-- end -->`.
 * @throws {Error} when the text has no such marks
 */
export function withBlock(text: string, name: string, block: string): string {
  const begin = `<!-- ${name} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) throw new Error(`the page has no place for ${name}: ${begin} … <!-- end -->`);
  return `${text.slice(0, from + begin.length)}\n${block}\n${text.slice(to)}`;
}
