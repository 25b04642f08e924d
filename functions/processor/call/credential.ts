import type { MonotonicClock, WallClock } from '../../../shared/runtime/clock.ts';
import type { NamedFile } from '../../../shared/runtime/config/named-file.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { WatchedFile } from '../../../shared/runtime/watched-file.ts';

/** The gateway's bearer token, empty when it needs none. Rejects when there should be one and is none. */
export type Credential = () => string | Promise<string>;

/** Of the API key's file or the ID token's audience at most one is given; what neither needs is not loaded. */
export async function createCredential(
  apiKeyFile: NamedFile<string> | undefined,
  audience: string | undefined,
  clock: MonotonicClock,
  wall: WallClock,
  log: Logger,
): Promise<Credential> {
  if (apiKeyFile) {
    const file = new WatchedFile(apiKeyFile, log);
    // At each call, not by a timer: an instance without a push may have no CPU to run one.
    return () => file.reread();
  }
  if (audience !== undefined) {
    const { fetchGoogleIdToken, idTokenFor } = await import('./id-token.ts');
    return idTokenFor(audience, fetchGoogleIdToken, clock, wall);
  }
  return () => '';
}
