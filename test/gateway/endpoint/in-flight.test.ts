import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CountedRequest, InFlight, nothingHeld } from '../../../gateway/endpoint/in-flight.ts';
import type { WorkClass } from '../../../gateway/work-class.ts';

/** A streamed request with nothing cached, where the changes say no other. */
class Counted implements CountedRequest {
  readonly workClass: WorkClass;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly stream: boolean;
  readonly firstTokenExpectedAtMs: number;
  readonly openedAtMs: number;
  firstByteAtMs: number | undefined;
  furtherTokens = 0;
  readonly #work: InFlight;
  readonly #clock: { readonly nowMs: number };

  constructor(work: InFlight, clock: { readonly nowMs: number }, changes: Partial<CountedRequest>) {
    this.workClass = changes.workClass ?? 'realtime';
    this.promptTokens = changes.promptTokens ?? 1;
    this.cachedTokens = changes.cachedTokens ?? 0;
    this.stream = changes.stream ?? true;
    this.firstTokenExpectedAtMs = changes.firstTokenExpectedAtMs ?? 0;
    this.openedAtMs = clock.nowMs;
    this.#work = work;
    this.#clock = clock;
    work.opened(this);
  }

  answers(): void {
    this.#work.answering(this, this.#clock.nowMs);
    this.firstByteAtMs = this.#clock.nowMs;
  }

  generates(): void {
    this.furtherTokens += 1;
    this.#work.generated(this);
  }

  close(): void {
    this.#work.closed(this, this.#clock.nowMs);
  }
}

function setUp() {
  const clock = { nowMs: 0 };
  const work = new InFlight(() => clock.nowMs);
  const open = (changes: Partial<CountedRequest> = {}) => new Counted(work, clock, changes);
  return { clock, work, open };
}

test('a request counts in its class from its opening to its close, as prefill until its first byte', () => {
  const { work, open } = setUp();
  const request = open({ workClass: 'sheddable', promptTokens: 12, cachedTokens: 4 });
  const waiting = {
    inFlight: 1,
    awaitingFirstByte: 1,
    promptTokens: 12,
    prefillTokens: 8,
    // Eight tokens attend to the four that are cached, and to half of themselves.
    prefillPairs: 64,
    decodes: 0,
    contextTokens: 0,
  };
  expect(work.sheddable).toEqual(waiting);
  expect(work.realtime).toEqual(nothingHeld);
  request.answers();
  const generating = {
    ...waiting,
    awaitingFirstByte: 0,
    prefillTokens: 0,
    prefillPairs: 0,
    decodes: 1,
    contextTokens: 12,
  };
  expect(work.sheddable).toEqual(generating);
  request.generates();
  expect(work.sheddable).toEqual({ ...generating, contextTokens: 13 });
  request.close();
  expect(work.sheddable).toEqual(nothingHeld);
});

test('an answer that comes whole generates from when its first token was expected', () => {
  const { clock, work, open } = setUp();
  const request = open({ promptTokens: 12, stream: false, firstTokenExpectedAtMs: 50 });
  clock.nowMs = 49;
  expect(work.realtime).toMatchObject({ awaitingFirstByte: 1, prefillTokens: 12, decodes: 0 });
  clock.nowMs = 50;
  expect(work.realtime).toMatchObject({ awaitingFirstByte: 1, prefillTokens: 0, decodes: 1 });
  request.answers();
  request.close();
  expect(work.realtime).toEqual(nothingHeld);
});

test('the oldest prefill is computed since it came, or since the one before it was done', () => {
  const { clock, work, open } = setUp();
  expect(work.prefillingForMs).toBe(0);
  const first = open();
  clock.nowMs = 10;
  open();
  clock.nowMs = 30;
  expect(work.prefillingForMs).toBe(30);
  first.answers();
  clock.nowMs = 45;
  expect(work.prefillingForMs).toBe(15);
});

test('any interleaving: counts are never below zero and return to it', () => {
  const act = fc.constantFrom('open', 'byte', 'chunk', 'close', 'wait');
  const step = fc.record({ which: fc.nat(9), act });
  fc.assert(
    fc.property(fc.array(step), fc.nat(100_000), fc.boolean(), (steps, promptTokens, stream) => {
      const { clock, work, open } = setUp();
      const requests = new Map<number, Counted>();
      for (const { which, act } of steps) {
        const request = requests.get(which);
        if (act === 'open' && !request) {
          const cachedTokens = Math.min(promptTokens, which * 100);
          const workClass = which % 2 === 0 ? 'realtime' : 'sheddable';
          const firstTokenExpectedAtMs = clock.nowMs + which;
          requests.set(which, open({ workClass, promptTokens, cachedTokens, stream, firstTokenExpectedAtMs }));
        }
        const isAnswering = request?.firstByteAtMs !== undefined;
        if (act === 'byte' && !isAnswering) request?.answers();
        if (act === 'chunk' && isAnswering && stream) request?.generates();
        if (act === 'close' && requests.delete(which)) request?.close();
        if (act === 'wait') clock.nowMs += which;
        for (const held of [work.realtime, work.sheddable]) {
          expect(Math.min(...Object.values(held))).toBeGreaterThanOrEqual(0);
          expect(Math.max(held.awaitingFirstByte, held.decodes)).toBeLessThanOrEqual(held.inFlight);
        }
      }
      for (const request of requests.values()) request.close();
      expect([work.realtime, work.sheddable]).toEqual([nothingHeld, nothingHeld]);
      expect([work.total, work.prefillingForMs]).toEqual([0, 0]);
    }),
  );
});
