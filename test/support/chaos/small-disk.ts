import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const pieceBytes = 1024 * 1024;

/** A disk of its own that can be filled, in memory; undefined where this user may not mount one. */
export class SmallDisk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static mount(folder: string, sizeBytes: number): SmallDisk | undefined {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder]);
    return status === 0 ? new SmallDisk(folder) : undefined;
  }

  /** Takes all room that is left. */
  fill(): void {
    const file = openSync(this.#filler, 'w');
    try {
      for (let piece = Buffer.alloc(pieceBytes); piece.length > 0; ) {
        if (!wasWritten(file, piece)) piece = piece.subarray(piece.length / 2 + 1);
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    // A process that still runs keeps it busy; it is gone with the last of them.
    spawnSync('umount', ['--lazy', this.#folder]);
  }

  get #filler(): string {
    return join(this.#folder, 'filler');
  }
}

function wasWritten(file: number, piece: Uint8Array): boolean {
  try {
    return writeSync(file, piece) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
