import { askSources } from '../../../../functions/processor/capacity/ask-sources.ts';
import { BreakerBoard } from '../../../../functions/processor/dispatch/breaker-board.ts';
import type { AdmissionOutcome, CallRequest } from '../../../../functions/processor/dispatch/call-request.ts';
import { CapacityGate } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import { DispatchPool } from '../../../../functions/processor/dispatch/dispatch-pool.ts';
import { DispatchQueue } from '../../../../functions/processor/dispatch/dispatch-queue.ts';
import type { SourceReading } from '../../../../functions/processor/dispatch/gate.ts';
import type { CallOutcome } from '../../../../functions/processor/dispatch/permit.ts';
import type { GateVerdict } from '../../../../functions/processor/dispatch/verdict.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { mono } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

export const success: CallOutcome = { became: 'success' };

/** A call's request in plain numbers: instants in milliseconds since the start, those of the wall clock too. */
type Asked = Partial<Omit<CallRequest, 'notBeforeMs' | 'deadlineAtMs' | 'giveUpAtMs'>> & {
  readonly notBeforeMs?: number;
  readonly deadlineAtMs?: number;
  readonly giveUpAtMs?: number;
};

export interface Asking {
  admitted: AdmissionOutcome | undefined;
  readonly done: Promise<AdmissionOutcome>;
}

/** What the wall clock shows at the start, when the monotonic one shows 0: an instant of one is none of the other. */
const wallStartMs = 1_800_000_000_000;
const nothing = (): void => undefined;
const taker = { path: '/p', maxOutputTokens: undefined, job: '', message: 'warming', tenant: '', arrivedAtMs: mono(0) };

/** A pool that is warm up to its ceiling, behind a queue, on a clock wound by hand. */
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
  const source = {
    name: 'x',
    read: () => {
      readings += 1;
      return (read ?? free)();
    },
  };
  const maxAgeMs = 10_000;
  const topics = new BreakerBoard(1, nothing);
  const verdicts: string[] = [];
  const onVerdict = (_: DispatchPool, { action, reason }: GateVerdict): void => {
    verdicts.push(`${action} ${reason}`);
  };
  const queue = new DispatchQueue({ clock, wall: clock, topics, maxWaiting, maxWaitingBytes, onVerdict });
  const pool = new DispatchPool({
    name: 'pool',
    gatewayUrl: '',
    ceiling,
    whenUnknown: 'probe',
    escalationShare: 0.05,
    onBreaker: nothing,
    onRoom: nothing,
    capacity: new CapacityGate({
      read: () => askSources([source], maxAgeMs, clock),
      refreshMs: 5000,
      maxAgeMs,
      openAt: 0.75,
      closeAt: 0.9,
      clock,
      onReading: queue.review,
    }),
  });
  /** Subscriptions of these names are lanes of one producer; each other one has settings of its own. */
  const policies: Readonly<Record<string, object>> = { s: queue, lane: queue };
  let asked = 0;
  const ask = ({ notBeforeMs = 0, deadlineAtMs = 1e9, giveUpAtMs = clock.now() + 20_000, ...changed }: Asked = {}) => {
    asked += 1;
    const whole: CallRequest = {
      message: `m${asked}`,
      tenant: '',
      hasFailed: false,
      attemptsFailed: 0,
      maxOutputTokens: undefined,
      job: '',
      arrivedAtMs: clock.nowMs(),
      hasEscalation: false,
      subscription: 's',
      policy: policies[changed.subscription ?? 's'] ?? {},
      pool,
      path: '/p',
      topics: ['results'],
      maxInFlight: ceiling,
      notBeforeMs: mono(notBeforeMs),
      deadlineAtMs: later(wallStart, deadlineAtMs),
      windowMs: 1e9,
      giveUpAtMs: mono(giveUpAtMs),
      sizeBytes: 1,
      signal: new AbortController().signal,
      ...changed,
    };
    const asking: Asking = { admitted: undefined, done: queue.admit(whole) };
    void asking.done.then((admitted) => {
      asking.admitted = admitted;
    });
    return asking;
  };
  const end = ({ admitted }: Asking, outcome = success): void => {
    if (admitted?.got !== 'permit') throw new Error(`no permit but ${JSON.stringify(admitted)}`);
    admitted.permit.end(outcome, clock.nowMs());
  };
  const take = (outcome: CallOutcome): void =>
    pool.take({ ...taker, message: 'taken' }, clock.nowMs(), nothing).end(outcome, clock.nowMs());
  for (let calls = 1; calls < ceiling; calls += 1) {
    const warming = Array.from({ length: calls }, () => pool.take({ ...taker, path: '/warm' }, clock.nowMs(), nothing));
    for (const permit of warming) permit.end(success, clock.nowMs());
  }
  return { clock, pool, topics, queue, ask, end, take, verdicts, readings: () => readings };
}

/** The same, once it was answered. */
export async function settled(asking: Asking): Promise<Asking> {
  await asking.done;
  return asking;
}
