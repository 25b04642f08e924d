import { Capacity } from '../../../../functions/processor/capacity/capacity.ts';
import {
  Admission,
  type AdmissionOutcome,
  type CallRequest,
} from '../../../../functions/processor/dispatch/admission.ts';
import { BreakerBoard } from '../../../../functions/processor/dispatch/breaker-board.ts';
import type { Reading } from '../../../../functions/processor/dispatch/gate.ts';
import { type CallReport, Pool } from '../../../../functions/processor/dispatch/pool.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

export const success: CallReport = { health: 'well', room: 'success' };

/** A pool that is warm up to its ceiling, before an admission, on a clock wound by hand. */
export function setUp({
  ceiling = 2,
  maxWaiting = 10,
  maxWaitingBytes = 1000,
  read = undefined as (() => Promise<Reading | undefined>) | undefined,
} = {}) {
  const manual = createManualClock(0);
  const clock = { ...manual, nowMs: manual.now };
  let readings = 0;
  const free = async () => ({ source: 'x', saturation: 0, asOfMs: clock.nowMs() });
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
  const admission: Admission = new Admission({ clock, topics, maxWaiting, maxWaitingBytes, onVerdict });
  let asked = 0;
  const ask = (
    changed: Partial<CallRequest> = {},
  ): { admitted: AdmissionOutcome | undefined; done: Promise<AdmissionOutcome> } => {
    asked += 1;
    const whole: CallRequest = {
      message: `m${asked}`,
      subscription: 's',
      pool,
      path: '/p',
      topics: ['results'],
      limit: ceiling,
      notBeforeMs: 0,
      deadlineAtMs: 1e9,
      giveUpAtMs: clock.nowMs() + 20_000,
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
