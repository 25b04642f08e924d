import type { MonotonicClock, WallClock } from '../../../shared/runtime/clock.ts';
import type { NamedFile } from '../../../shared/runtime/config/named-file.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { WatchedFile } from '../../../shared/runtime/watched-file.ts';

/** The gateway's bearer token, empty when it needs none. Rejects when there should be one and is none. */
export type Credential = () => string | Promise<string>;

/** What a policy says of the credential for its gateway: at most one of the two. */
export interface CredentialPolicy {
  /** Path of the file with the bearer key. */
  readonly apiKeyFile: string | undefined;
  readonly gatewayAudience: string | undefined;
}

/** A policy's credential. */
export type CredentialOf = (policy: CredentialPolicy) => Credential;

/** The credentials of all policies, each file or audience once. `keyFiles` has every file that a policy names, by its path. */
export async function createCredentials(
  policies: readonly CredentialPolicy[],
  keyFiles: ReadonlyMap<string, NamedFile<string>>,
  clock: MonotonicClock,
  wall: WallClock,
  log: Logger,
): Promise<CredentialOf> {
  const known = new Map<string, Credential>();
  for (const policy of policies) {
    const { apiKeyFile = '', gatewayAudience } = policy;
    const source = sourceOf(policy);
    if (known.has(source)) continue;
    known.set(source, await createCredential(keyFiles.get(apiKeyFile), gatewayAudience, clock, wall, log));
  }
  return (policy) => known.get(sourceOf(policy))!;
}

function sourceOf({ apiKeyFile, gatewayAudience }: CredentialPolicy): string {
  return JSON.stringify([apiKeyFile, gatewayAudience]);
}

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
