import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A change of the deployed code for one run: `from`, which stands there once, becomes `to`. */
export interface Patch {
  /** From the repository's root. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const root = resolve(import.meta.dirname, '../../..');

/**
 * Changes modules as they are loaded in this thread, and none that is loaded already. What is returned tells afterwards which patches
 * met no module.
 * @throws {Error} while a module is loaded whose text a patch does not meet exactly once
 */
export function applyPatches(patches: readonly Patch[]): () => readonly string[] {
  const used = new Set<Patch>();
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      const own = patches.filter(({ file }) => url === pathToFileURL(resolve(root, file)).href);
      if (own.length === 0) return loaded;
      const source = own.reduce((text, patch) => {
        used.add(patch);
        return patched(text, patch);
      }, String(loaded.source));
      return { ...loaded, source };
    },
  });
  return () => patches.filter((patch) => !used.has(patch)).map(({ file }) => file);
}

function patched(text: string, { file, from, to }: Patch): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`);
  return parts.join(to);
}
