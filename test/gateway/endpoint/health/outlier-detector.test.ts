import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HealthVerdict } from '../../../../gateway/endpoint/health/ejection.ts';
import { type OutlierChange, OutlierDetector } from '../../../../gateway/endpoint/health/outlier-detector.ts';

/** A request that is sent there, and tells what becomes of it as an attempt does. */
function send(health: OutlierDetector) {
  let isProbe = health.sent();
  const endProbe = (verdict: HealthVerdict): void => {
    if (isProbe) health.recordProbe(verdict);
    isProbe = false;
  };
  return {
    /** The first byte of an answer that succeeds. */
    succeeds: () => endProbe('well'),
    end: (verdict: HealthVerdict) => {
      endProbe(verdict);
      health.recordEnd(verdict);
    },
  };
}

type Sent = ReturnType<typeof send>;

function setUp(canSpare = true) {
  const clock = { nowMs: 0 };
  const changes: OutlierChange[] = [];
  const health = new OutlierDetector({
    nowMs: () => clock.nowMs,
    peers: () => ({ canSpare, tally: { requests: 100, failures: 0 } }),
    onChange: (change) => changes.push(change),
  });
  const fail = (times: number) => {
    for (let time = 0; time < times; time += 1) send(health).end('failed');
  };
  return { clock, health, changes, fail };
}

const ejectedFor = (forMs: number) => ({ kind: 'ejected', reason: 'consecutive_failures', forMs });

test('ejected for a time, then exactly one request probes it, then it starts slowly', () => {
  const { clock, health, changes, fail } = setUp();
  fail(5);
  expect([health.admits, changes]).toEqual([false, [ejectedFor(2000)]]);
  clock.nowMs = 1999;
  expect(health.admits).toBe(false);
  clock.nowMs = 2000;
  expect([health.admits, health.probeDue]).toEqual([true, true]);
  const probe = send(health);
  expect([health.admits, health.probeDue, health.probing]).toEqual([false, false, true]);
  probe.succeeds();
  expect([health.admits, health.probing, health.startShare]).toEqual([true, false, 0]);
  expect(changes.at(-1)).toEqual({ kind: 'let back in' });
  clock.nowMs += 5000;
  expect(health.startShare).toBe(0.5);
  clock.nowMs += 5000;
  expect(health.startShare).toBeUndefined();
  probe.end('failed');
  expect(health.tally.failures).toBe(1);
});

test.each<[string, HealthVerdict]>([
  ['a failed probe', 'failed'],
  ['a probe without a first byte', 'timed_out'],
])('%s ejects it again, for twice as long', (_, verdict) => {
  const { clock, health, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  send(health).end(verdict);
  expect(changes).toEqual([ejectedFor(2000), ejectedFor(4000)]);
  clock.nowMs = 5999;
  expect(health.admits).toBe(false);
  clock.nowMs = 6000;
  expect(health.admits).toBe(true);
});

test('a probe that says nothing, as when its client leaves, makes room for the next', () => {
  const { clock, health, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  send(health).end('nothing');
  expect([health.probeDue, changes.length]).toEqual([true, 1]);
});

test('requests from before the ejection neither let it back in nor eject it again', () => {
  const { health, changes, fail } = setUp();
  const [well, bad] = [send(health), send(health)];
  fail(5);
  well.succeeds();
  well.end('well');
  bad.end('failed');
  expect([health.admits, changes.length]).toEqual([false, 1]);
});

test('after a long good time it is ejected for the first time again', () => {
  const { clock, health, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  send(health).succeeds();
  fail(5);
  expect(changes.at(-1)).toEqual(ejectedFor(4000));
  clock.nowMs = 6000;
  send(health).succeeds();
  clock.nowMs += 120_001;
  fail(5);
  expect(changes.at(-1)).toEqual(ejectedFor(2000));
});

test('one that cannot be spared stays, but others are preferred while it fails', () => {
  const { clock, health, changes, fail } = setUp(false);
  fail(9);
  expect([health.admits, health.paused, changes]).toEqual([true, true, []]);
  clock.nowMs = 4000;
  expect(health.paused).toBe(false);
  fail(1);
  expect(health.paused).toBe(true);
  send(health).end('well');
  expect(health.paused).toBe(false);
});

test('a 429 is no failure; others are preferred for as long as it asks', () => {
  const { clock, health, changes } = setUp();
  for (let time = 0; time < 20; time += 1) {
    const request = send(health);
    health.recordFull(2);
    request.end('nothing');
  }
  expect([health.admits, health.paused, health.tally.failures, changes]).toEqual([true, true, 0, []]);
  clock.nowMs = 2000;
  expect(health.paused).toBe(false);
});

test('one that declines is neither ejected nor let back in, but others are preferred for a moment', () => {
  const { clock, health, changes, fail } = setUp();
  for (let time = 0; time < 50; time += 1) send(health).end('declined');
  expect([health.admits, health.paused, health.tally.failures, changes]).toEqual([true, true, 0, []]);
  clock.nowMs += 250;
  expect(health.paused).toBe(false);
  fail(5);
  clock.nowMs += 2000;
  send(health).end('declined');
  expect([health.ejection !== undefined, health.probeDue]).toEqual([true, true]);
});

test('three failing /health in a row eject; no request probes before it is healthy again', () => {
  const { clock, health, changes } = setUp();
  for (const healthy of [false, false, true, false, false]) health.recordHealth(healthy);
  expect(health.admits).toBe(true);
  health.recordHealth(false);
  expect(changes).toEqual([{ kind: 'ejected', reason: 'health', forMs: 2000 }]);
  clock.nowMs = 10_000;
  expect(health.admits).toBe(false);
  health.recordHealth(true);
  expect(health.probeDue).toBe(true);
});

test('any events: one request probes at a time, and with nothing in flight the endpoint can always come back', () => {
  const act = fc.constantFrom('send', 'answer', 'well', 'failed', 'timed_out', 'nothing', 'wait', 'sick', 'healthy');
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.nat(5)), { maxLength: 60 }), (steps) => {
      const { clock, health } = setUp();
      const all: Sent[] = [];
      for (const [name, which] of steps) {
        const each = all[which % Math.max(1, all.length)];
        if (name === 'send' && health.admits) {
          const wasEjected = health.ejection !== undefined;
          all.push(send(health));
          expect(health.admits).toBe(!wasEjected);
        } else if (name === 'answer') each?.succeeds();
        else if (name === 'wait') clock.nowMs += which * 1000;
        else if (name === 'sick' || name === 'healthy') health.recordHealth(name === 'healthy');
        else if (name !== 'send') each?.end(name as HealthVerdict);
      }
      for (const each of all) each.end('nothing');
      health.recordHealth(true);
      clock.nowMs += 60_000;
      expect(health.admits).toBe(true);
      const last = send(health);
      last.succeeds();
      expect(health.ejection).toBeUndefined();
    }),
  );
});
