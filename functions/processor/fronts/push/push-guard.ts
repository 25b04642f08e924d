import type { MonotonicClock, WallClock } from '../../../../shared/runtime/clock.ts';
import { CertificatesUnavailable, createCertificates, googleCertificatesUrl } from './certificates.ts';
import { type ExpectedToken, refuseToken } from './push-token.ts';

/** A push that must not pass: the status that answers it, and why, for the log. */
export interface PushRefusal {
  readonly status: 401 | 403 | 503;
  readonly why: string;
}

/** Decides on a push's `authorization` header; undefined when the push may pass. */
export type PushGuard = (authorization: string | undefined) => Promise<PushRefusal | undefined>;

/** Lets pass what Pub/Sub signed for this audience and account. Without certificates nothing passes. */
export function createPushGuard(
  expected: ExpectedToken,
  certificatesUrl: string | undefined,
  clock: Pick<MonotonicClock, 'nowMs'>,
  wall: WallClock,
): PushGuard {
  const keyOf = createCertificates(certificatesUrl ?? googleCertificatesUrl, clock);
  return (authorization) =>
    refuseToken(authorization, expected, keyOf, wall.unixMs()).catch((error: unknown): PushRefusal => {
      if (!(error instanceof CertificatesUnavailable)) throw error;
      return { status: 503, why: error.message };
    });
}
