import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { custom, type Parsed } from '../runtime/config/variables.ts';

/** Where a store is: a bucket of Cloud Storage, or a folder here. */
export type StorePlace =
  | { readonly kind: 'gs'; readonly bucket: string /** Empty, or ends with a slash. */; readonly prefix: string }
  | { readonly kind: 'file'; readonly folder: string };

/** Source: https://cloud.google.com/storage/docs/buckets#naming */
const bucketForm = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/([^\s?#]*))?$/;

/** Reads `gs://bucket[/prefix]` or `file:/folder`. */
export function readStorePlace(raw: string): Parsed<StorePlace> {
  const [, bucket, prefix = ''] = bucketForm.exec(raw) ?? [];
  if (bucket !== undefined) {
    const trimmed = prefix.replace(/^\/+|\/+$/g, '');
    return { value: { kind: 'gs', bucket, prefix: trimmed === '' ? '' : `${trimmed}/` } };
  }
  const folder = folderOf(raw);
  return folder === undefined
    ? { fault: 'must be gs://BUCKET, gs://BUCKET/PREFIX or file:/FOLDER' }
    : { value: { kind: 'file', folder } };
}

/** A variable that holds a store's place. */
export function storePlace<const O extends { readonly meaning: string }>(name: string, options: O) {
  return custom<StorePlace, O>(name, options, readStorePlace);
}

function folderOf(raw: string): string | undefined {
  if (!raw.startsWith('file:/') || !URL.canParse(raw)) return undefined;
  const url = new URL(raw);
  if (url.host !== '' || url.search !== '' || url.hash !== '') return undefined;
  const folder = fileURLToPath(url);
  return isAbsolute(folder) && folder !== '/' ? folder : undefined;
}
