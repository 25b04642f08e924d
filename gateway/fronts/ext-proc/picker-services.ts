import type { CapacityReport } from '../../../shared/inference-gateway/capacity-report.ts';
import type { MonotonicClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { DrainPhase } from '../../drain-phase.ts';
import type { Rejection } from '../../rejection.ts';
import type { Router } from '../../router.ts';
import type { BodyReader } from '../http/body-reader.ts';
import type { BodyTexts } from '../http/body-texts.ts';
import type { Admitting } from '../http/inference-routes.ts';
import type { Timeouts } from '../http/silence-watch.ts';

/** How a picker behaves. */
export interface PickerOptions {
  /** The longest that a request may wait for a place: a proxy waits only so long for the picker. */
  readonly waitMs: number;
  /** Share of answers in [0, 1] whose bodies are watched. */
  readonly observedShare: number;
  /** How many endpoints are named after the best one, for a proxy that cannot reach it. */
  readonly fallbacks: number;
}

/** What a request that a proxy asks about needs. */
export interface PickerServices extends Admitting, PickerOptions {
  readonly router: Pick<Router, 'submit' | 'pool' | 'bytesPerToken'>;
  readonly bodies: BodyReader;
  /** Of large bodies, one after the other. */
  readonly texts: BodyTexts;
  readonly timeouts: Timeouts;
  readonly drainPhase: () => DrainPhase;
  /** The bearer key for the endpoints; undefined where they need none. */
  readonly endpointsKey: () => string | undefined;
  /** What `GET /capacity` answers: the function before the proxy reads it, as it does before our gateway. */
  readonly capacity: () => CapacityReport;
  /** A request came; it is open until its stream is gone. */
  readonly opened: () => void;
  readonly closed: () => void;
  readonly onRejected: (rejection: Rejection) => void;
  readonly clock: MonotonicClock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}
