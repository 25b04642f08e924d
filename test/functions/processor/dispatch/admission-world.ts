import { Capacity } from '../../../../functions/processor/capacity/capacity.ts';
import {
  Admission,
  type AdmissionOutcome,
  type CallRequest,
} from '../../../../functions/processor/dispatch/admission.ts';
import { BreakerBoard } from '../../../../functions/processor/dispatch/breaker-board.ts';
import type { SourceReading } from '../../../../functions/processor/dispatch/gate.ts';
import { type CallReport, Pool } from '../../../../functions/processor/dispatch/pool.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { mono } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

export const success: CallReport = { health: 'well', room: 'success' };

/** A call's request in plain numbers: instants in milliseconds since the start, those of the wall clock too. */
type Asked = Partial<Omit<CallRequest, 'notBeforeMs' | 'deadlineAtMs' | 'giveUpAtMs'>> & {
  readonly notBeforeMs?: number;
  readonly deadlineAtMs?: number;
  readonly giveUpAtMs?: number;
};

/** What the wall clock shows at the start, when the monotonic one shows 0. */
const wallStartMs = 1_800_000_000_000;

/** A pool that is warm up to its ceiling, before an admission, on a clock wound by hand. */
export function setUp({
  ceiling = 2,
  maxWaiting = 10,
  maxWaitingBytes = 1000,
  read = undefined as (() => Promise<SourceReading | undefined>) | undefined,
} = {}) {
  const clock = createManualClock(0);
  clock.step(wallStartMs);
  const wallStart = clock.unixMs();
  let readings = 0;
  const free = async () => ({ source: 'x', saturation: 0, ageMs: 0 });
  const topics = new BreakerBoard(1, () => undefined);
  const verdicts: string[] = [];
  const pool: Pool = new Pool({
    name: 'pool',
    gatewayUrl: '',
    ceiling,
    whenUnknown: 'probe',
    onBreaker: () => undefined,
    capacity: new Capacity({
      sources: [
        {
          name: 'x',
          read: () => {
            readings += 1;
            return (read ?? free)();
          },
        },
      ],
      refreshMs: 5000,
      maxAgeMs: 10_000,
      openAt: 0.75,
      closeAt: 0.9,
      clock,
      ownCallsUntilMs: () => pool.callsUntilMs,
      onReading: () => admission.review(),
    }),
  });
  const onVerdict = (_: Pool, verdict: { action: string; reason: string }): void => {
    verdicts.push(`${verdict.action} ${verdict.reason}`);
  };
  const admission: Admission = new Admission({ clock, wall: clock, topics, maxWaiting, maxWaitingBytes, onVerdict });
  let asked = 0;
  const ask = ({
    notBeforeMs = 0,
    deadlineAtMs = 1e9,
    giveUpAtMs = clock.now() + 20_000,
    ...changed
  }: Asked = {}): { admitted: AdmissionOutcome | undefined; done: Promise<AdmissionOutcome> } => {
    asked += 1;
    const whole: CallRequest = {
      message: `m${asked}`,
      subscription: 's',
      pool,
      path: '/p',
      topics: ['results'],
      limit: ceiling,
      notBeforeMs: mono(notBeforeMs),
      deadlineAtMs: later(wallStart, deadlineAtMs),
      giveUpAtMs: mono(giveUpAtMs),
      sizeBytes: 1,
      signal: new AbortController().signal,
      ...changed,
    };
    const asking = { admitted: undefined as AdmissionOutcome | undefined, done: admission.admit(whole) };
    void asking.done.then((admitted) => {
      asking.admitted = admitted;
    });
    return asking;
  };
  const end = (asking: { admitted: AdmissionOutcome | undefined }, report = success): void => {
    if (asking.admitted?.got !== 'permit') throw new Error(`no permit but ${JSON.stringify(asking.admitted)}`);
    asking.admitted.permit.end(report, clock.nowMs());
  };
  for (let calls = 1; calls < ceiling; calls += 1) {
    const warming = Array.from({ length: calls }, () => pool.take('/p', 'warming', clock.nowMs()));
    for (const permit of warming) permit.end(success, clock.nowMs());
  }
  return { clock, pool, topics, admission, ask, end, verdicts, readings: () => readings };
}

/** Once it was answered. */
export async function settled<T extends { done: Promise<AdmissionOutcome> }>(asking: T): Promise<T> {
  await asking.done;
  return asking;
}
