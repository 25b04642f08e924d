import { FolderStore } from './folder-store.ts';
import type { StorePlace } from './place.ts';
import type { Store } from './store.ts';

/**
 * Opens the store. The client of Cloud Storage is loaded for a bucket alone.
 * @throws {Error} where a folder can be neither found nor made
 */
export async function openStore(place: StorePlace): Promise<Store> {
  if (place.kind === 'gs') {
    const { BucketStore } = await import('./bucket-store.ts');
    return new BucketStore(place);
  }
  return new FolderStore(place.folder);
}
