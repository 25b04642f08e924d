/** A variable that is set, is none of ours, and looks like one of them. */
export interface Misspelt {
  readonly written: string;
  readonly meant: string;
}

/** Shorter names are near to many others by chance. Derived: of five characters one is a fifth. */
const shortestName = 6;
/** From this length on, two characters may be wrong. Derived: a fifth. */
const longName = 10;
/** What is left out at the end. */
const suffixes = ['_SECONDS', '_MS', '_BYTES'];

/** Finds variables of the environment that look like misspelt ones of the schema. */
export function misspeltVariables(
  schema: Readonly<Record<string, { readonly name: string }>>,
  env: Readonly<Record<string, string | undefined>>,
): readonly Misspelt[] {
  const names = Object.values(schema).map(({ name }) => name);
  const ours = new Set(names);
  return Object.keys(env).flatMap((written) => {
    if (ours.has(written) || !env[written]?.trim()) return [];
    const meant = names.find((name) => looksLike(written, name));
    return meant === undefined ? [] : [{ written, meant }];
  });
}

/** The sentence for logs and start errors. */
export function misspeltText({ written, meant }: Misspelt): string {
  return `${written} is no variable of ours: is ${meant} meant?`;
}

function looksLike(written: string, name: string): boolean {
  if (name.length < shortestName || written.length < shortestName) return false;
  if (plain(written) === plain(name)) return true;
  if (suffixes.some((suffix) => `${written}${suffix}` === name)) return true;
  const allowed = name.length < longName ? 1 : 2;
  return Math.abs(written.length - name.length) <= allowed && editDistance(written, name) <= allowed;
}

/** Without what people write in their own way: `maxQueued`, `MAX-QUEUED`. */
function plain(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

/** Characters that are put in, left out or changed, at least, to make one of the other. Source: Levenshtein, 1966. */
function editDistance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const changed = before[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(changed, before[column]! + 1, current[column - 1]! + 1));
    }
    before = current;
  }
  return before[b.length]!;
}
