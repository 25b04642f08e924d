import { describe, expect, test } from 'vitest';
import { fullWorld, routerWorld, type SubmittedRequest } from '../support/router-world.ts';

describe('a request that is declined before its first byte', () => {
  /** The endpoint of the last attempt declines; true where the answer is not for the client. */
  const declines = (request: SubmittedRequest, status: number, atMs: number, full = false): boolean => {
    const { attempt } = request;
    const goesOn = attempt.declined(status, full, Number.NaN);
    if (goesOn) attempt.end('declined', atMs);
    else {
      attempt.firstByte(status, 0, atMs);
      attempt.end('complete', atMs);
    }
    return goesOn;
  };

  test.each([500, 502, 503, 504])('with %i: another endpoint serves it, and the first one has failed', (status) => {
    const { clock, log, submit } = routerWorld({ endpoints: 'abc' });
    const request = submit('r');
    expect(declines(request, status, clock.now())).toBe(true);
    request.serve(clock.now());
    expect(log).toEqual([
      'r chosen for a',
      'r dispatched to a',
      'r chosen for b',
      'r dispatched to b',
      'attempt at a ended: failed',
      'attempt at b ended: well',
      'r ended: served 200',
    ]);
  });

  test('with 429: the endpoint is full, and has not failed', () => {
    const { clock, log, submit, endpoint } = routerWorld({ endpoints: 'ab' });
    const request = submit('r');
    expect([declines(request, 429, clock.now(), true), endpoint('a').health.paused]).toEqual([true, true]);
    request.serve(clock.now());
    expect(log.slice(4)).toEqual(['attempt at a ended: nothing', 'attempt at b ended: well', 'r ended: served 200']);
  });

  test('twice with the same: the request is to blame, and the client gets the last answer', () => {
    const { clock, log, submit } = routerWorld({ endpoints: 'abc' });
    const request = submit('r');
    expect([declines(request, 500, clock.now()), declines(request, 500, clock.now())]).toEqual([true, false]);
    expect(log.slice(4)).toEqual(['attempt at a ended: nothing', 'attempt at b ended: nothing', 'r ended: served 500']);
  });

  test('twice, with another status: both have failed', () => {
    const { clock, log, submit } = routerWorld({ endpoints: 'abc' });
    const request = submit('r');
    expect([declines(request, 500, clock.now()), declines(request, 503, clock.now())]).toEqual([true, false]);
    expect(log.slice(4)).toEqual(['attempt at a ended: failed', 'attempt at b ended: failed', 'r ended: served 503']);
  });

  test('by the only endpoint: its answer is for the client', () => {
    const { clock, log, submit } = routerWorld();
    expect(declines(submit('r'), 500, clock.now())).toBe(false);
    expect(log.slice(2)).toEqual(['attempt at a ended: failed', 'r ended: served 500']);
  });

  test('and leaves while it waits for the other one: the first one has failed', async () => {
    const { clock, log, submit, replace } = await fullWorld();
    replace('ab');
    const request = submit('r');
    declines(request, 500, clock.now());
    log.length = 0;
    request.routed?.leave();
    expect(log).toEqual(['attempt at b ended: failed', 'r ended: client_gone 0']);
  });

  test.each([
    ['real-time work gets the answer', 0, [true, false], 'r ended: served 503'],
    ['sheddable work is refused as by the gateway', -1, [true, true], 'r ended: saturated 429'],
  ])(
    'twice for want of places: no endpoint has failed, its limit is learned, %s',
    async (_, priority, expected, end) => {
      const { clock, log, submit, endpoint } = routerWorld({ endpoints: 'ab' });
      for (let other = 0; other < 4; other += 1) submit('other');
      // Their prompts are computed by then.
      await clock.advance(1000);
      log.length = 0;
      const request = submit('r', { priority });
      const declined = [declines(request, 503, clock.now(), true), declines(request, 503, clock.now(), true)];
      expect(declined).toEqual(expected);
      expect(log).toContain(end);
      expect(log.filter((line) => line.includes('failed'))).toEqual([]);
      for (const name of ['a', 'b']) {
        const { places, engineFull } = endpoint(name).limiter;
        expect([places.count, places.proven, engineFull]).toEqual([2, true, false]);
      }
    },
  );
});
