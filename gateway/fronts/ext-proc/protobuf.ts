/** A message that is no protobuf. */
export class WireFault extends Error {}

/** Protocol: https://protobuf.dev/programming-guides/encoding/ */
const wire = { varint: 0, eightBytes: 1, delimited: 2, fourBytes: 5 } as const;
/** Of the largest number. Protocol: 64 bits in pieces of seven. */
const mostVarintBytes = 10;

/**
 * Reads a message field by field: `next`, then `varint` or `bytes` where the field is wanted. What is not wanted is skipped. Nothing is
 * copied: what `bytes` gives is a part of the message.
 */
export class ProtoReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #wireType: number = wire.varint;
  #isRead = true;
  /** Number of the field that `next` found. */
  field = 0;

  /** @param start of the message in the bytes @param end of it, exclusive */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** @throws {WireFault} where the bytes are no message. */
  next(): boolean {
    if (!this.#isRead) this.#skip();
    if (this.#at === this.#end) return false;
    const tag = this.#number();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    this.#isRead = false;
    return true;
  }

  /** The field's number, or 0 where it has none. */
  varint(): number {
    if (this.#wireType !== wire.varint) return 0;
    this.#isRead = true;
    return this.#number();
  }

  /** The field's bytes, or none where it is a number. */
  bytes(): Buffer {
    const from = this.#enter();
    return this.#bytes.subarray(from, this.#at);
  }

  /** The message that the field is; an empty one where it is a number. */
  message(): ProtoReader {
    const from = this.#enter();
    return new ProtoReader(this.#bytes, from, this.#at);
  }

  /** The field's text, empty where it is a number. */
  text(encoding: 'utf8' | 'latin1' = 'utf8'): string {
    const from = this.#enter();
    return this.#bytes.toString(encoding, from, this.#at);
  }

  /** Where the field's bytes begin; they end where the reader then is. */
  #enter(): number {
    if (this.#wireType !== wire.delimited) return this.#at;
    this.#isRead = true;
    const sizeBytes = this.#number();
    const from = this.#at;
    this.#advance(sizeBytes);
    return from;
  }

  #skip(): void {
    this.#isRead = true;
    if (this.#wireType === wire.varint) this.#number();
    else if (this.#wireType === wire.delimited) this.#advance(this.#number());
    else if (this.#wireType === wire.eightBytes) this.#advance(8);
    else if (this.#wireType === wire.fourBytes) this.#advance(4);
    else throw new WireFault(`a field has the wire type ${this.#wireType}`);
  }

  #advance(sizeBytes: number): void {
    if (!(sizeBytes <= this.#end - this.#at)) throw new WireFault('a field is longer than its message');
    this.#at += sizeBytes;
  }

  #number(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < mostVarintBytes; count += 1) {
      if (this.#at === this.#end) throw new WireFault('the message ends within a number');
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new WireFault('a number has more than ten bytes');
  }
}

/** To begin with; what is longer moves to twice as much. Derived: an answer of two changed headers. */
const usualSizeBytes = 512;

/**
 * Writes a message from its end to its beginning, so that the length of what a field contains is known when the field's head is written:
 * the last field first, and what is inside a message before its `close`.
 */
export class ProtoWriter {
  #buffer: Buffer;
  #at: number;

  /** @param sizeBytes of the bytes that will be written, roughly */
  constructor(sizeBytes = usualSizeBytes) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes);
    this.#at = sizeBytes;
  }

  /** How much has been written: to be given to `close`. */
  get sizeBytes(): number {
    return this.#buffer.length - this.#at;
  }

  bytes(field: number, value: Buffer): this {
    this.#reserve(value.length + 20);
    this.#at -= value.length;
    value.copy(this.#buffer, this.#at);
    return this.#head(field, value.length);
  }

  /** @param encoding `latin1` for a text whose characters stand for a byte each */
  text(field: number, value: string, encoding: 'utf8' | 'latin1' = 'utf8'): this {
    const sizeBytes = encoding === 'latin1' ? value.length : Buffer.byteLength(value);
    this.#reserve(sizeBytes + 20);
    this.#at -= sizeBytes;
    this.#buffer.write(value, this.#at, encoding);
    return this.#head(field, sizeBytes);
  }

  /** @param value a whole number, at least 0; 0 stands for a field that is not there, and is not written */
  varint(field: number, value: number): this {
    if (value === 0) return this;
    this.#reserve(20);
    this.#number(value);
    this.#number(field * 8 + wire.varint);
    return this;
  }

  flag(field: number, value: boolean): this {
    return this.varint(field, value ? 1 : 0);
  }

  /** What was written since there were `before` bytes is a message, and the value of this field. */
  close(field: number, before: number): this {
    this.#reserve(20);
    return this.#head(field, this.sizeBytes - before);
  }

  /** The message, with gRPC's head before it. */
  grpcMessage(): Buffer {
    this.#reserve(5);
    const { sizeBytes } = this;
    this.#at -= 5;
    this.#buffer[this.#at] = 0;
    this.#buffer.writeUInt32BE(sizeBytes, this.#at + 1);
    return this.#buffer.subarray(this.#at);
  }

  #head(field: number, sizeBytes: number): this {
    this.#number(sizeBytes);
    this.#number(field * 8 + wire.delimited);
    return this;
  }

  #number(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.#buffer[at] = (rest % 0x80) | 0x80;
      at += 1;
    }
    this.#buffer[at] = rest;
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#at) return;
    const written = this.#buffer.subarray(this.#at);
    const larger = Buffer.allocUnsafe(2 * (written.length + sizeBytes));
    this.#at = larger.length - written.length;
    written.copy(larger, this.#at);
    this.#buffer = larger;
  }
}
