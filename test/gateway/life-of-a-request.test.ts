import { describe, expect, test } from 'vitest';
import { refusal } from '../../gateway/refusal.ts';
import { fullWorld, routerWorld } from '../support/router-world.ts';

const bye = refusal('shutting_down', 'the gateway is shutting down');

describe('a request that is served', () => {
  test('at once', () => {
    const { clock, router, log, submit, endpoint } = routerWorld();
    const { attempt } = submit('r');
    expect([...router.requests]).toHaveLength(1);
    attempt.firstByte(200, 0, clock.now());
    attempt.chunk(clock.now());
    attempt.end('complete', clock.now());
    attempt.end('broken', clock.now());
    expect(log).toEqual(['r chosen for a', 'r dispatched to a', 'attempt at a ended: well', 'r ended: served 200']);
    expect([[...router.requests], endpoint('a').work.total]).toEqual([[], 0]);
  });

  test('after a wait', async () => {
    const { clock, log, submit, first } = await fullWorld();
    submit('r');
    expect(log).toEqual([]);
    first.serve(clock.now());
    expect(log.splice(0)).toEqual([
      'attempt at a ended: well',
      'first ended: served 200',
      'r chosen for a',
      'r dispatched to a',
    ]);
    await clock.advance(100_000);
    expect(log).toEqual([]);
  });

  test.each([
    ['that breaks', 'broken', 'failed'],
    ['that is refused', 'unreachable', 'nothing'],
  ] as const)('elsewhere, after a connection %s before the first byte', (_, outcome, verdict) => {
    const { clock, log, submit } = routerWorld({ endpoints: 'ab' });
    const request = submit('r');
    request.attempt.end(outcome, clock.now());
    request.serve(clock.now());
    expect(request.attempts).toHaveLength(2);
    expect(log).toEqual([
      'r chosen for a',
      'r dispatched to a',
      // A failure counts once the other endpoint does not give the same.
      ...(verdict === 'nothing' ? [`attempt at a ended: ${verdict}`] : []),
      'r chosen for b',
      'r dispatched to b',
      ...(verdict === 'nothing' ? [] : [`attempt at a ended: ${verdict}`]),
      'attempt at b ended: well',
      'r ended: served 200',
    ]);
  });

  test('elsewhere, after a connection that fails within its dispatch', () => {
    const { clock, log, submit } = routerWorld({ endpoints: 'ab' });
    submit('r', {}, (attempt) => {
      if (log.at(-1) === 'r dispatched to a') attempt.end('unreachable', clock.now());
      else attempt.firstByte(200, 0, clock.now());
    }).attempt.end('complete', clock.now());
    expect(log).toEqual([
      'r chosen for a',
      'r dispatched to a',
      'attempt at a ended: nothing',
      'r chosen for b',
      'r dispatched to b',
      'attempt at b ended: well',
      'r ended: served 200',
    ]);
  });

  test('elsewhere, after a second wait', async () => {
    const { clock, log, submit, replace, read, first, second } = await fullWorld();
    replace('ab');
    const request = submit('r');
    request.attempt.end('broken', clock.now());
    expect(log.splice(0)).toEqual(['r chosen for b', 'r dispatched to b']);
    for (const each of [first, second]) each.serve(clock.now());
    log.length = 0;
    read('a', 0, 0);
    expect(log).toEqual([]);
    request.serve(clock.now());
    expect(log).toEqual(['attempt at b ended: failed', 'attempt at a ended: well', 'r ended: served 200']);
  });
});

describe('a request that fails', () => {
  test('because both connections fail before the first byte', () => {
    const { clock, log, submit } = routerWorld({ endpoints: 'abc' });
    const request = submit('r');
    request.attempt.end('broken', clock.now());
    request.attempt.end('broken', clock.now());
    expect(log).toEqual([
      'r chosen for a',
      'r dispatched to a',
      'r chosen for b',
      'r dispatched to b',
      // Both failed alike: the request is to blame.
      'attempt at a ended: nothing',
      'attempt at b ended: nothing',
      'r ended: upstream_error 502',
      'r stopped: 502 upstream_error',
    ]);
  });

  test('because its endpoint was the last one', () => {
    const { clock, log, submit } = routerWorld();
    submit('r').attempt.end('unreachable', clock.now());
    expect(log.slice(2)).toEqual([
      'attempt at a ended: nothing',
      'r ended: no_endpoints 503',
      'r stopped: 503 no_endpoints',
    ]);
  });

  test('because no first byte comes in time: it is not tried elsewhere', () => {
    const { clock, log, submit } = routerWorld({ endpoints: 'ab' });
    submit('r').attempt.end('timed_out', clock.now());
    expect(log.slice(2)).toEqual([
      'attempt at a ended: timed_out',
      'r ended: upstream_timeout 504',
      'r stopped: 504 upstream_timeout',
    ]);
  });

  test.each([
    ['breaks', 'broken', 502, 'upstream_error'],
    ['falls silent', 'timed_out', 504, 'upstream_timeout'],
  ] as const)('because its answer %s within: it is not tried elsewhere', (_, outcome, status, code) => {
    const { clock, log, submit } = routerWorld({ endpoints: 'ab' });
    const { attempt } = submit('r');
    attempt.firstByte(200, 0, clock.now());
    attempt.end(outcome, clock.now());
    expect(log.slice(2)).toEqual([
      'attempt at a ended: failed',
      `r ended: ${code} ${status}`,
      `r stopped: ${status} ${code}`,
    ]);
  });
});

describe('a request that gives way', () => {
  test('mid-stream, for a real-time request that has waited a quarter of its TTFT', async () => {
    const { clock, log, submit, read, endpoint } = routerWorld();
    const { attempt } = submit('shed', { priority: -1 });
    attempt.firstByte(200, 0, clock.now());
    attempt.chunk(clock.now());
    await clock.advance(60);
    for (const waiting of [1, 1, 0]) read('a', 1, waiting);
    log.length = 0;
    submit('r', { ttftSloMs: 400 });
    await clock.advance(99);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual([
      'attempt at a ended: nothing',
      'shed ended: evicted 429',
      'shed stopped: 429 evicted',
      'r chosen for a',
      'r dispatched to a',
    ]);
    expect([endpoint('a').work.sheddable.inFlight, endpoint('a').work.total]).toEqual([0, 1]);
  });

  test('while it waits, to a tenant that holds less', async () => {
    const { router, log, submit } = await fullWorld({ maxQueued: 2 });
    for (const name of ['flood 1', 'flood 2']) submit(name, { tenant: 'flood' });
    submit('quiet', { tenant: 'quiet' });
    expect(log.splice(0)).toEqual(['flood 2 ended: saturated 429', 'flood 2 stopped: 429 saturated']);
    submit('flood 3', { tenant: 'flood' });
    expect(log).toEqual(['flood 3 ended: saturated 429', 'flood 3 stopped: 429 saturated']);
    expect([...router.queued].map(({ request }) => request.id)).toEqual(['flood 1', 'quiet']);
  });
});

describe('a request that waits in vain', () => {
  test.each([
    ['real-time work, for its own time', 0, 2000, 'queue_timeout'],
    ['sheddable work, for a shorter time', -1, 1000, 'saturated'],
  ])('%s', async (_, priority, afterMs, code) => {
    const { clock, router, log, submit } = await fullWorld({ queueTimeoutMs: 2000, sheddableWaitMs: 1000 });
    submit('r', { priority });
    await clock.advance(afterMs - 1);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual([`r ended: ${code} 429`, `r stopped: 429 ${code}`]);
    expect([[...router.queued], clock.pendingTimers()]).toEqual([[], 0]);
  });

  test('where no time to wait is given', async () => {
    const { log, submit } = await fullWorld({ sheddableWaitMs: 0 });
    submit('r', { priority: -1 });
    expect(log).toEqual(['r ended: saturated 429', 'r stopped: 429 saturated']);
  });

  test('because the last endpoint that serves its model stops taking connections', async () => {
    const { router, log, submit, endpoint } = await fullWorld();
    submit('r');
    endpoint('a').recordRefused();
    expect(log).toEqual(['r ended: no_endpoints 503', 'r stopped: 503 no_endpoints']);
    expect([...router.requests]).toHaveLength(2);
  });
});

describe('a client that leaves: its front is told nothing', () => {
  test('while the request waits', async () => {
    const { clock, log, submit, first } = await fullWorld();
    const { routed } = submit('r');
    for (let time = 0; time < 2; time += 1) routed?.leave();
    expect(log.splice(0)).toEqual(['r ended: client_gone 0']);
    first.serve(clock.now());
    await clock.advance(100_000);
    expect(log).toEqual(['attempt at a ended: well', 'first ended: served 200']);
  });

  test.each([
    ['before the first byte', false, 0],
    ['within the answer', true, 200],
  ])('%s', (_, answering, status) => {
    const { clock, log, submit, endpoint } = routerWorld({ endpoints: 'ab' });
    const { attempt, routed } = submit('r');
    if (answering) attempt.firstByte(200, 0, clock.now());
    for (let time = 0; time < 2; time += 1) routed?.leave();
    attempt.end('complete', clock.now());
    expect(log.slice(2)).toEqual(['attempt at a ended: nothing', `r ended: client_gone ${status}`]);
    expect(endpoint('a').work.total).toBe(0);
  });

  test('while the request waits for another endpoint than the one that failed', async () => {
    const { clock, log, submit, replace, endpoint, router } = await fullWorld();
    replace('ab');
    const { attempt, routed } = submit('r');
    attempt.end('broken', clock.now());
    expect([...router.queued]).toEqual([routed]);
    routed?.leave();
    expect(log).toEqual([
      'r chosen for b',
      'r dispatched to b',
      'attempt at b ended: failed',
      'r ended: client_gone 0',
    ]);
    expect([[...router.queued], endpoint('b').work.total]).toEqual([[], 0]);
  });

  test('after the end', () => {
    const { clock, log, submit } = routerWorld();
    const { attempt, routed } = submit('r');
    attempt.firstByte(200, 0, clock.now());
    attempt.end('complete', clock.now());
    routed?.leave();
    routed?.stop(bye);
    expect(log.slice(2)).toEqual(['attempt at a ended: well', 'r ended: served 200']);
  });
});

test('a drain ends what waits first, so that none of it gets the place of what is cut off', async () => {
  const { clock, router, log, submit, first, second, endpoint } = await fullWorld();
  first.attempt.firstByte(200, 0, clock.now());
  first.attempt.chunk(clock.now());
  // The engine has a place now for the request in its own queue, and none for another one.
  submit('waits', { priority: -1 });
  router.stopAll(bye);
  router.stopAll(bye);
  second.attempt.end('complete', clock.now());
  expect(log).toEqual([
    'waits ended: shutting_down 503',
    'waits stopped: 503 shutting_down',
    'attempt at a ended: nothing',
    'first ended: shutting_down 503',
    'first stopped: 503 shutting_down',
    'attempt at a ended: nothing',
    'second ended: shutting_down 503',
    'second stopped: 503 shutting_down',
  ]);
  expect([[...router.requests], endpoint('a').work.total, clock.pendingTimers()]).toEqual([[], 0, 0]);
});
