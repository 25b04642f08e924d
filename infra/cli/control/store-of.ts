import type { Environment } from '../../../shared/runtime/config/read-config.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { readStorePlace } from '../../../shared/store/place.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { LocalStack } from '../local-stack.ts';

/**
 * The store whose control document is meant: the one that is named, else that of `STORE`, else that of the local stack.
 * @throws {Error} when nothing says which
 */
export function findStore(
  named: string | undefined,
  env: Environment,
  stack: Pick<LocalStack, 'store'> | undefined,
): Promise<Store> {
  const raw = named ?? (env.STORE?.trim() || stack?.store);
  if (raw === undefined) {
    throw new Error('nothing says which STORE is meant: start the local stack with npm start, or name it with --store');
  }
  const place = readStorePlace(raw);
  if ('fault' in place) throw new Error(`STORE ${place.fault}, not ${raw}`);
  return openStore(place.value);
}
