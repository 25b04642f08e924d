import { expect, test } from 'vitest';
import type { Attempt } from '../../gateway/endpoint/attempt.ts';
import type { Placement } from '../../gateway/endpoint/placement.ts';
import type { Refusal } from '../../gateway/refusal.ts';
import type { Front } from '../../gateway/routed-request.ts';
import { nameOf, type RouterWorldOptions, routerWorld } from '../support/router-world.ts';
import { type RequestWish, routingRequestOf } from '../support/routing-requests.ts';

/** A front that hands its requests to a proxy, and remembers what it is told. */
class ProxiedFront implements Front {
  readonly sendsOnce = true;
  readonly attempts: Attempt[] = [];
  readonly refusals: Refusal[] = [];
  placement: Placement | undefined;

  dispatch(attempt: Attempt, placement: Placement): void {
    this.attempts.push(attempt);
    this.placement ??= placement;
  }

  stop(refusal: Refusal): void {
    this.refusals.push(refusal);
  }
}

interface SubsetWish extends RequestWish {
  readonly subset?: ReadonlySet<string>;
}

function setUp(options: RouterWorldOptions = {}) {
  const world = routerWorld(options);
  const proxied = (id: string, wish: SubsetWish = {}) => {
    const front = new ProxiedFront();
    const routed = world.router.submit({ ...routingRequestOf({ id, ...wish }), subset: wish.subset }, front);
    return { front, routed };
  };
  return { ...world, proxied };
}

const loadsOf = ({ router }: ReturnType<typeof setUp>) =>
  Object.fromEntries(router.pool.endpoints.map((endpoint) => [nameOf(endpoint), endpoint.inFlight]));

test('the other endpoints are named in the order of their scores', () => {
  const { proxied, submit } = setUp({ endpoints: 'abc' });
  for (const name of ['one', 'two', 'three']) submit(name);
  // Each has one now; the next goes to one of them, and two more beside it.
  submit('four');
  submit('five');
  const { front } = proxied('last');
  const { endpoint, runnersUp } = front.placement!;
  const others = runnersUp!().map((placement) => placement.endpoint);
  expect([endpoint, ...others].map(nameOf).sort()).toEqual(['a', 'b', 'c']);
  expect([endpoint, ...others].map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
});

test('a request goes only to an endpoint of its subset, and waits for one of them', async () => {
  const world = setUp({ endpoints: 'ab' });
  const subset = new Set(['b:1']);
  const placed = [0, 1, 2, 3].map(() => world.proxied('r', { subset }).front);
  expect(placed.map(({ attempts }) => nameOf(attempts[0]!.endpoint))).toEqual(['b', 'b', 'b', 'b']);
  await world.clock.advance(60);
  for (let reading = 0; reading < 2; reading += 1) world.read('b', 1, 3);
  const waits = world.proxied('waits', { subset });
  const goes = world.proxied('goes');
  expect([waits.front.attempts, goes.front.attempts.map(({ endpoint }) => nameOf(endpoint))]).toEqual([[], ['a']]);
  for (const { attempts } of placed) attempts[0]!.end('abandoned', world.clock.now());
  expect(waits.front.attempts.map(({ endpoint }) => nameOf(endpoint))).toEqual(['b']);
});

test('a request that waits for its subset is refused when all of the subset are gone', async () => {
  const world = setUp({ endpoints: 'ab' });
  const subset = new Set(['b:1']);
  for (let index = 0; index < 2; index += 1) world.proxied('r', { subset });
  await world.clock.advance(60);
  for (let reading = 0; reading < 2; reading += 1) world.read('b', 1, 1);
  const { front } = world.proxied('waits', { subset });
  world.replace('a');
  expect(front.refusals).toMatchObject([{ code: 'no_endpoints' }]);
});

test('a request that another endpoint served is counted there, from when it was sent', async () => {
  const world = setUp({ endpoints: 'ab' });
  const { front, routed } = world.proxied('r');
  const [first] = front.attempts;
  const other = front.placement!.runnersUp!()[0]!;
  await world.clock.advance(40);
  routed.servedAt(other);
  expect(front.attempts.map(({ endpoint }) => endpoint)).toEqual([first!.endpoint, other.endpoint]);
  expect(front.attempts[1]!.openedAtMs).toBe(first!.openedAtMs);
  expect([first!.endpoint.usable, first!.endpoint.inFlight, other.endpoint.inFlight]).toEqual([false, 0, 1]);
  front.attempts[1]!.firstByte(200, 0, world.clock.now());
  front.attempts[1]!.end('complete', world.clock.now());
  expect(world.log.filter((line) => line.startsWith('r ended'))).toEqual(['r ended: served 200']);
  expect(loadsOf(world)).toEqual({ a: 0, b: 0 });
});

test('what a front cannot send again is not tried elsewhere', () => {
  const world = setUp({ endpoints: 'ab' });
  const { front } = world.proxied('r');
  front.attempts[0]!.end('broken', world.clock.now());
  expect(front.attempts).toHaveLength(1);
  expect(front.refusals).toMatchObject([{ code: 'upstream_error', status: 502 }]);
  expect(loadsOf(world)).toEqual({ a: 0, b: 0 });
});

test('an end that was not seen is an answer, and says of its endpoint what its status says', () => {
  const world = setUp({ endpoints: 'ab' });
  const [good, bad] = [world.proxied('good'), world.proxied('bad')];
  const gapsBefore = good.front.attempts[0]!.endpoint.gaps.tpotMs(world.clock.now());
  for (const [{ front }, status] of [
    [good, 200],
    [bad, 500],
  ] as const) {
    front.attempts[0]!.firstByte(status, 0, world.clock.now());
    front.attempts[0]!.end('unseen', world.clock.now());
  }
  expect(world.log.filter((line) => line.includes('ended:'))).toEqual([
    `attempt at ${nameOf(good.front.attempts[0]!.endpoint)} ended: well`,
    'good ended: served 200',
    `attempt at ${nameOf(bad.front.attempts[0]!.endpoint)} ended: failed`,
    'bad ended: served 500',
  ]);
  expect(good.front.attempts[0]!.endpoint.gaps.tpotMs(world.clock.now())).toBe(gapsBefore);
});
