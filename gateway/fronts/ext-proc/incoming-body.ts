import { EventEmitter } from 'node:events';
import type { Headers } from '../../admit/request-head.ts';
import type { BodySource } from '../http/body-reader.ts';

/** A body that comes in messages, as the reader of bodies takes it. Its length is not stated: the proxy may have changed it. */
export class IncomingBody extends EventEmitter implements BodySource {
  readonly headers: Headers = {};

  piece(bytes: Buffer): void {
    if (bytes.length > 0) this.emit('data', bytes);
  }

  complete(): void {
    this.emit('end');
  }

  /** The rest of it never comes. */
  cut(): void {
    this.emit('error');
  }
}
