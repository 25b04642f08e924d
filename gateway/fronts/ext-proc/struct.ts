import { ProtoReader, type ProtoWriter } from './protobuf.ts';

/** Field numbers of `google.protobuf.Struct` and `Value`. Source: https://protobuf.dev/reference/protobuf/google.protobuf/#struct */
const value = { text: 3, struct: 5, list: 6 } as const;

/** The value of a map's entry, as bytes; undefined where its key is another one. */
function valueUnder(entry: Buffer, key: string): Buffer | undefined {
  const reader = new ProtoReader(entry);
  let isIt = false;
  let found: Buffer | undefined;
  while (reader.next()) {
    if (reader.field === 1) isIt = reader.text() === key;
    else if (reader.field === 2) found = reader.bytes();
  }
  return isIt ? found : undefined;
}

/** What stands in the map of field `field` under the key; undefined where nothing does. */
export function inMap(message: Buffer, field: number, key: string): Buffer | undefined {
  const reader = new ProtoReader(message);
  let found: Buffer | undefined;
  while (reader.next()) {
    if (reader.field === field) found = valueUnder(reader.bytes(), key) ?? found;
  }
  return found;
}

/** The texts of a Struct under the key: one, those of a list, or none. Undefined where there is no such key. */
export function textsIn(struct: Buffer, key: string): readonly string[] | undefined {
  const found = inMap(struct, 1, key);
  return found && textsOf(found);
}

function textsOf(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === value.text) texts.push(reader.text());
    else if (reader.field === value.list) texts.push(...textsOfList(reader.bytes()));
  }
  return texts;
}

/** Lists in lists count as nothing. */
function textsOfList(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field !== 1) continue;
    const item = new ProtoReader(reader.bytes());
    while (item.next()) if (item.field === value.text) texts.push(item.text());
  }
  return texts;
}

/** Writes, as field `field`, a Struct that holds one Struct under `namespace`, which holds one text. */
export function writeNestedText(
  writer: ProtoWriter,
  field: number,
  { namespace, key, text }: { readonly namespace: string; readonly key: string; readonly text: string },
): void {
  const before = writer.sizeBytes;
  writer.text(value.text, text).close(2, before).text(1, key).close(1, before);
  writer.close(value.struct, before).close(2, before).text(1, namespace).close(1, before).close(field, before);
}
