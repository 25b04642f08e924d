import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeUtf8 } from '../../../shared/runtime/utf8.ts';
import type { HeldBody } from './held-body.ts';
import { OneAtATime } from './one-at-a-time.ts';

/**
 * A larger body is read in several turns of the event loop: others are served in between. Measured: parsing a body of this size takes 1.4
 * ms, and 3.3 ms where it is a list of token ids.
 */
const readAtOnceBytes = 1024 * 1024;

/** Decodes large bodies, one after the other and each in a turn of its own. */
export class BodyTexts {
  readonly #large = new OneAtATime();

  /**
   * @param isOver whether nothing waits for the body any more
   * @param taken told once, with the text of a large body. Without it the body is small, or over, or no UTF-8. It must not throw for a
   * large one
   */
  read(body: Pick<HeldBody, 'bytes' | 'sizeBytes'>, isOver: () => boolean, taken: (text?: string) => void): void {
    if (body.sizeBytes <= readAtOnceBytes) {
      taken();
      return;
    }
    this.#large.add(async () => {
      // Putting it together was the turn before; decoding and parsing have one each.
      await nextTurn();
      const text = isOver() ? undefined : decodeUtf8(body.bytes);
      await nextTurn();
      taken(text);
    });
  }
}
