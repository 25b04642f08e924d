import { readFile } from 'node:fs/promises';
import type { NamedFile } from './config/named-file.ts';
import type { Logger } from './logger.ts';

/** How often a followed file is read. Derived: Kubernetes changes a mounted file within a minute of its source. */
const rereadMs = 500;

/**
 * A configuration file that is read again while the process runs. Its content is compared, not its date, so that an atomic
 * replacement, a swapped link and an edit in place all count. A content that cannot be read, or holds what it must not, leaves the
 * last good one, and is said once.
 */
export class WatchedFile<T> {
  readonly #file: NamedFile<T>;
  readonly #log: Logger;
  /** Undefined while the file cannot be read. */
  #seen: string | undefined;
  #current: T;
  #onChange: ((value: T) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  /** `file`: as it was read at the start. */
  constructor(file: NamedFile<T>, log: Logger) {
    this.#file = file;
    this.#log = log;
    this.#seen = file.text;
    this.#current = file.value;
  }

  /** The last good content that was read. */
  get current(): T {
    return this.#current;
  }

  /** Reads the file now. Returns the last good content. */
  async reread(): Promise<T> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#current;
  }

  /** Reads the file every half second until it is closed, and calls back with each good content that differs. Holds no process up. */
  follow(onChange?: (value: T) => void): void {
    this.#onChange = onChange;
    this.#timer = setInterval(() => void this.reread(), rereadMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#onChange = undefined;
  }

  async #read(): Promise<void> {
    const { variable, path, parse } = this.#file;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === this.#seen) return;
    this.#seen = text;
    const parsed = text === undefined ? { fault: 'cannot be read' } : parse(text);
    if ('fault' in parsed) {
      this.#log.warn(
        { variable, path, fault: parsed.fault },
        `${variable}: the file ${parsed.fault}; the last good one stays`,
      );
      return;
    }
    this.#current = parsed.value;
    this.#log.info({ variable, path }, `${variable}: the file was read again`);
    this.#onChange?.(parsed.value);
  }
}
