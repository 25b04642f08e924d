import { readFile } from 'node:fs/promises';
import type { Parsed } from '../../shared/runtime/config/variables.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { readConfigFile } from '../config-files.ts';

const rereadMs = 500;

export interface WatchedFileOptions<T> {
  /** The variable that names the file. */
  readonly variable: string;
  readonly path: string;
  readonly parse: (text: string) => Parsed<T>;
  readonly log: Logger;
  /** Called with every good content after the first. */
  readonly onChange?: (value: T) => void;
}

/**
 * A configuration file that is read again while the process runs. Its content is compared, not its date, so that an atomic
 * replacement, a swapped link and an edit in place all count. A content that cannot be read leaves the last good one.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  readonly #timer: NodeJS.Timeout;
  /** Undefined while the file cannot be read. */
  #seen: string | undefined;
  #current: T;

  /** @throws {ConfigError} when the file cannot be read at the start. */
  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
    const { variable, path, parse } = options;
    const { text, value } = readConfigFile(variable, path, parse);
    this.#seen = text;
    this.#current = value;
    this.#timer = setInterval(() => void this.#reread(), rereadMs).unref();
  }

  get current(): T {
    return this.#current;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #reread(): Promise<void> {
    const { variable, path, parse, log, onChange } = this.#options;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === this.#seen) return;
    this.#seen = text;
    const parsed = text === undefined ? { fault: 'cannot be read' } : parse(text);
    if ('fault' in parsed) {
      log.warn(
        { variable, path, fault: parsed.fault },
        `${variable}: the file ${parsed.fault}; the last good one stays`,
      );
      return;
    }
    this.#current = parsed.value;
    log.info({ variable, path }, `${variable}: the file was read again`);
    onChange?.(parsed.value);
  }
}
