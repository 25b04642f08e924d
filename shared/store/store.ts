/** What lies under a name. */
export interface StoredObject {
  readonly data: Uint8Array;
  /** Names this content of the object, for a write that must replace nothing else. */
  readonly generation: string;
}

/** Holds objects by name: path segments of plain characters, joined by `/`. Contract §12. */
export interface Store {
  /** How the object is told to people and programs: `gs://…` or `file:///…`. */
  uriOf(name: string): string;
  /**
   * Undefined where there is none.
   * @throws {Error} where it cannot be read, or holds more than `maxBytes`
   */
  read(name: string, maxBytes: number): Promise<StoredObject | undefined>;
  /**
   * Resolves once the object is stored as a whole; no reader ever sees a part of it.
   * @param replaces the generation that it may replace, or `none` where it must not exist; anything where absent
   * @throws {Changed} where another one is there; any other error where it could not be stored
   */
  write(name: string, data: Uint8Array, replaces?: string): Promise<void>;
}

/** In place of a generation: there must be no object yet. */
export const none = 'none';

/** The object is no longer the one that was to be replaced. */
export class Changed extends Error {
  constructor(name: string) {
    super(`${name} was changed by another writer meanwhile`);
  }
}
