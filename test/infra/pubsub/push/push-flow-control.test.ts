import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  afterAck,
  afterNack,
  freshFlowControl,
  largestWindow,
  type PushFlowControl,
  room,
} from '../../../../infra/local/pubsub/push/push-flow-control.ts';

const acks = (flow: PushFlowControl, count: number) =>
  Array.from({ length: count }).reduce<PushFlowControl>((now) => afterAck(now), flow);

test('begins small, and a round trip of acks doubles the window', () => {
  expect(freshFlowControl.window).toBe(4);
  expect(acks(freshFlowControl, 4).window).toBe(8);
  expect(acks(freshFlowControl, 12).window).toBe(16);
  expect(acks(freshFlowControl, 5000).window).toBe(largestWindow);
});

test('nacks of one burst collapse the window and pause once', () => {
  let flow = acks(freshFlowControl, 60);
  for (let nack = 0; nack < 64; nack++) flow = afterNack(flow, 900, 1000);
  expect(flow).toMatchObject({ window: 1, level: 1, pausedUntilMs: 1100 });
});

test('pauses grow from 100 ms to 60 s, and not beyond', () => {
  let flow = freshFlowControl;
  let nowMs = 0;
  const pauses = Array.from({ length: 12 }, () => {
    flow = afterNack(flow, nowMs, nowMs);
    const pauseMs = flow.pausedUntilMs - nowMs;
    nowMs = flow.pausedUntilMs;
    return pauseMs;
  });
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
});

test('acks bring the pauses down again', () => {
  const troubled = { ...freshFlowControl, level: 10 };
  expect(acks(troubled, 1).level).toBe(5);
  expect(acks(troubled, 4).level).toBe(0);
});

test('nothing starts in a pause', () => {
  const flow = { ...freshFlowControl, pausedUntilMs: 100 };
  expect([room(flow, 0, 99), room(flow, 0, 100), room(flow, 3, 100), room(flow, 9, 100)]).toEqual([0, 4, 1, 0]);
});

test('whatever happens, the window stays from 1 to its limit and a pause within 60 s', () => {
  const events = fc.array(fc.record({ acked: fc.boolean(), tookMs: fc.nat(5000) }), { maxLength: 200 });
  fc.assert(
    fc.property(events, (outcomes) => {
      let nowMs = 0;
      let flow = freshFlowControl;
      for (const { acked, tookMs } of outcomes) {
        const sentAtMs = Math.max(nowMs, flow.pausedUntilMs);
        nowMs = sentAtMs + tookMs;
        flow = acked ? afterAck(flow) : afterNack(flow, sentAtMs, nowMs);
        expect(flow.window).toBeGreaterThanOrEqual(1);
        expect(flow.window).toBeLessThanOrEqual(largestWindow);
        expect(flow.pausedUntilMs - nowMs).toBeLessThanOrEqual(60_000);
      }
    }),
  );
});
