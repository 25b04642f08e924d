import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Changed, none, type Store, type StoredObject } from './store.ts';

/** Between two looks at a lock. Derived: a write takes some milliseconds. */
const lockPauseMs = 20;
/** No writer holds a lock for longer, unless it has died. Derived: a thousand times what a write takes. */
const longestLockMs = 10_000;

/** Objects as files of a folder. Two processes of one machine may share it: writes are whole, and those with a precondition wait for each other. */
export class FolderStore implements Store {
  readonly #folder: string;

  /** @throws {Error} where the folder can be neither found nor made */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
  }

  uriOf(name: string): string {
    return pathToFileURL(this.#pathOf(name)).href;
  }

  async read(name: string, maxBytes: number): Promise<StoredObject | undefined> {
    const file = await open(this.#pathOf(name)).catch(absent);
    if (!file) return undefined;
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new Error(`${name} holds ${size} bytes, which is more than ${maxBytes}`);
      const data = await file.readFile();
      return { data, generation: createHash('sha256').update(data).digest('hex') };
    } finally {
      await file.close();
    }
  }

  async write(name: string, data: Uint8Array, replaces?: string): Promise<void> {
    const path = this.#pathOf(name);
    await mkdir(dirname(path), { recursive: true });
    if (replaces === undefined) return replaceFile(path, data);
    const unlock = await lock(`${path}.lock`);
    try {
      const current = await this.read(name, Number.POSITIVE_INFINITY);
      if ((current?.generation ?? none) !== replaces) throw new Changed(name);
      await replaceFile(path, data);
    } finally {
      await unlock();
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, ...name.split('/'));
  }
}

/** The rename is atomic, and what it shows is on the disk. */
async function replaceFile(path: string, data: Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx');
  try {
    await file.writeFile(data);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (file) {
      await file.close();
      return () => rm(path, { force: true });
    }
    const held = await stat(path).catch(absent);
    if (held && Date.now() - held.mtimeMs > longestLockMs) await rm(path, { force: true });
    else await pause(lockPauseMs);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
