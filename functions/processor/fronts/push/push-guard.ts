import { verify } from 'node:crypto';
import type { MonotonicClock, WallClock } from '../../../../shared/runtime/clock.ts';
import { Certificates, CertificatesUnavailable, googleCertificatesUrl } from './certificates.ts';
import { type ExpectedToken, parsePushToken, refuseClaims } from './push-token.ts';

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
  clock: MonotonicClock,
  wall: WallClock,
): PushGuard {
  const certificates = new Certificates(certificatesUrl ?? googleCertificatesUrl, clock);
  return async (authorization) => {
    const token = parsePushToken(authorization);
    if ('why' in token) return token;
    try {
      const key = await certificates.keyOf(token.keyId);
      if (!key) return { status: 401, why: 'the token is signed with an unknown key' };
      if (!verify('sha256', Buffer.from(token.signedText), key, token.signature)) {
        return { status: 401, why: 'the signature of the token is wrong' };
      }
    } catch (error) {
      if (!(error instanceof CertificatesUnavailable)) throw error;
      return { status: 503, why: error.message };
    }
    return refuseClaims(token.claims, expected, wall.unixMs());
  };
}
