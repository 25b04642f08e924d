import { readFileSync, statSync } from 'node:fs';

/** The bearer key in a file, read again when the file changes. A file that is gone for a moment leaves the last key. */
export function keyFromFile(path: string): () => string {
  let key = readFileSync(path, 'utf8').trim();
  let seen = '';
  return () => {
    try {
      const { mtimeMs, ino, size } = statSync(path);
      const now = `${mtimeMs} ${ino} ${size}`;
      if (now !== seen) key = readFileSync(path, 'utf8').trim() || key;
      seen = now;
    } catch {
      return key;
    }
    return key;
  };
}
