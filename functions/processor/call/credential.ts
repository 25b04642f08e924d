import type { MonotonicClock, WallClock } from '../../../shared/runtime/clock.ts';

/** The gateway's bearer token, empty when it needs none. Rejects when there should be one and is none. */
export type Credential = () => string | Promise<string>;

/** Of the API key's file or the ID token's audience at most one is given; what neither needs is not loaded. */
export async function createCredential(
  apiKeyFile: string | undefined,
  audience: string | undefined,
  clock: MonotonicClock,
  wall: WallClock,
): Promise<Credential> {
  if (apiKeyFile !== undefined) {
    const { keyFromFile } = await import('./api-key.ts');
    return keyFromFile(apiKeyFile);
  }
  if (audience !== undefined) {
    const { fetchGoogleIdToken, idTokenFor } = await import('./id-token.ts');
    return idTokenFor(audience, fetchGoogleIdToken, clock, wall);
  }
  return () => '';
}
