import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Verdict } from '../../../../gateway/endpoint/health/ejection.ts';
import {
  type OutlierChange,
  OutlierDetector,
  type Trial,
} from '../../../../gateway/endpoint/health/outlier-detector.ts';

function setUp(canSpare = true) {
  const clock = { nowMs: 0 };
  const changes: OutlierChange[] = [];
  const standing = new OutlierDetector({
    nowMs: () => clock.nowMs,
    peers: () => ({ canSpare, tally: { requests: 100, failures: 0 } }),
    onChange: (change) => changes.push(change),
  });
  const fail = (times: number) => {
    for (let time = 0; time < times; time += 1) standing.send().end('failed');
  };
  return { clock, standing, changes, fail };
}

const ejectedFor = (forMs: number) => ({ kind: 'ejected', reason: 'consecutive_failures', forMs });

test('ejected for a time, then exactly one request probes it, then it starts slowly', () => {
  const { clock, standing, changes, fail } = setUp();
  fail(5);
  expect([standing.admits, changes]).toEqual([false, [ejectedFor(2000)]]);
  clock.nowMs = 1999;
  expect(standing.admits).toBe(false);
  clock.nowMs = 2000;
  expect([standing.admits, standing.probeDue]).toEqual([true, true]);
  const probe = standing.send();
  expect([standing.admits, standing.probeDue, standing.probing]).toEqual([false, false, true]);
  probe.answered(200, 0);
  expect([standing.admits, standing.probing, standing.startShare]).toEqual([true, false, 0]);
  expect(changes.at(-1)).toEqual({ kind: 'let back in' });
  clock.nowMs += 5000;
  expect(standing.startShare).toBe(0.5);
  clock.nowMs += 5000;
  expect(standing.startShare).toBeUndefined();
  probe.end('failed');
  expect(standing.tally.failures).toBe(1);
});

test.each<[string, (probe: Trial) => void]>([
  ['a failed probe', (probe) => probe.end('failed')],
  ['a probe without a first byte', (probe) => probe.end('timed_out')],
  [
    'a probe answered with a 500',
    (probe) => {
      probe.answered(500, 0);
      probe.end('failed');
    },
  ],
])('%s ejects it again, for twice as long', (_, end) => {
  const { clock, standing, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  end(standing.send());
  expect(changes).toEqual([ejectedFor(2000), ejectedFor(4000)]);
  clock.nowMs = 5999;
  expect(standing.admits).toBe(false);
  clock.nowMs = 6000;
  expect(standing.admits).toBe(true);
});

test('a request counts once, and only its first end', () => {
  const { standing } = setUp();
  const trial = standing.send();
  for (const verdict of ['failed', 'failed', 'well'] as const) trial.end(verdict);
  expect([standing.tally, standing.paused]).toEqual([{ requests: 1, failures: 1 }, true]);
});

test('a probe that says nothing, as when its client leaves, makes room for the next', () => {
  const { clock, standing, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  standing.send().end('nothing');
  expect([standing.probeDue, changes.length]).toEqual([true, 1]);
});

test('requests from before the ejection neither let it back in nor eject it again', () => {
  const { standing, changes, fail } = setUp();
  const [well, bad] = [standing.send(), standing.send()];
  fail(5);
  well.answered(200, 0);
  well.end('well');
  bad.end('failed');
  expect([standing.admits, changes.length]).toEqual([false, 1]);
});

test('after a long good time it is ejected for the first time again', () => {
  const { clock, standing, changes, fail } = setUp();
  fail(5);
  clock.nowMs = 2000;
  standing.send().answered(200, 0);
  fail(5);
  expect(changes.at(-1)).toEqual(ejectedFor(4000));
  clock.nowMs = 6000;
  standing.send().answered(200, 0);
  clock.nowMs += 120_001;
  fail(5);
  expect(changes.at(-1)).toEqual(ejectedFor(2000));
});

test('one that cannot be spared stays, but others are preferred while it fails', () => {
  const { clock, standing, changes, fail } = setUp(false);
  fail(9);
  expect([standing.admits, standing.paused, changes]).toEqual([true, true, []]);
  clock.nowMs = 4000;
  expect(standing.paused).toBe(false);
  fail(1);
  expect(standing.paused).toBe(true);
  standing.send().end('well');
  expect(standing.paused).toBe(false);
});

test('a 429 is no failure; others are preferred for as long as it asks', () => {
  const { clock, standing, changes } = setUp();
  for (let time = 0; time < 20; time += 1) {
    const trial = standing.send();
    trial.answered(429, 2);
    trial.end('nothing');
  }
  expect([standing.admits, standing.paused, standing.tally.failures, changes]).toEqual([true, true, 0, []]);
  clock.nowMs = 2000;
  expect(standing.paused).toBe(false);
});

test('one that declines is neither ejected nor let back in, but others are preferred for a moment', () => {
  const { clock, standing, changes, fail } = setUp();
  for (let time = 0; time < 50; time += 1) standing.send().end('declined');
  expect([standing.admits, standing.paused, standing.tally.failures, changes]).toEqual([true, true, 0, []]);
  clock.nowMs += 250;
  expect(standing.paused).toBe(false);
  fail(5);
  clock.nowMs += 2000;
  standing.send().end('declined');
  expect([standing.ejection !== undefined, standing.probeDue]).toEqual([true, true]);
});

test('three failing /health in a row eject; no request probes before it is healthy again', () => {
  const { clock, standing, changes } = setUp();
  for (const healthy of [false, false, true, false, false]) standing.recordHealth(healthy);
  expect(standing.admits).toBe(true);
  standing.recordHealth(false);
  expect(changes).toEqual([{ kind: 'ejected', reason: 'health', forMs: 2000 }]);
  clock.nowMs = 10_000;
  expect(standing.admits).toBe(false);
  standing.recordHealth(true);
  expect(standing.probeDue).toBe(true);
});

test('whatever happens: one probe at a time, and with nothing in flight it can always come back', () => {
  const act = fc.constantFrom('send', 'answer', 'well', 'failed', 'timed_out', 'nothing', 'wait', 'sick', 'healthy');
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.nat(5)), { maxLength: 60 }), (steps) => {
      const { clock, standing } = setUp();
      const trials: Trial[] = [];
      for (const [name, which] of steps) {
        const trial = trials[which % Math.max(1, trials.length)];
        if (name === 'send' && standing.admits) {
          const wasEjected = standing.ejection !== undefined;
          trials.push(standing.send());
          expect(standing.admits).toBe(!wasEjected);
        } else if (name === 'answer') trial?.answered(200, 0);
        else if (name === 'wait') clock.nowMs += which * 1000;
        else if (name === 'sick' || name === 'healthy') standing.recordHealth(name === 'healthy');
        else if (name !== 'send') trial?.end(name as Verdict);
      }
      for (const trial of trials) trial.end('nothing');
      standing.recordHealth(true);
      clock.nowMs += 60_000;
      expect(standing.admits).toBe(true);
      const last = standing.send();
      last.answered(200, 0);
      expect(standing.ejection).toBeUndefined();
    }),
  );
});
