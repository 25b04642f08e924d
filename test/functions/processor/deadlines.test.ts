import { describe, expect, test } from 'vitest';
import { answering, type ProcessorWorld, startProcessorWorld, wallStartMs } from './processor-world.ts';

const chat = { model: 'm', messages: [], max_tokens: 100 };
const closed = { source: 'x', saturation: 1, ageMs: 0 };

/** Every call takes so long. */
function takeMs(world: ProcessorWorld, ms: number): void {
  world.play(async () => {
    await new Promise<void>((over) => world.clock.after(ms, over));
    return answering(200);
  });
}

/** So many answers, each after two seconds. */
async function answer(world: ProcessorWorld, count: number): Promise<void> {
  takeMs(world, 2000);
  const started = Array.from({ length: count }, () => world.start({ data: chat }));
  for (let seconds = 0; seconds < 600 && started.some(({ status }) => status === undefined); seconds += 1) {
    await world.clock.advance(1000);
  }
  expect(started.map(({ status }) => status)).toEqual(started.map(() => 204));
  world.published.length = 0;
  world.results().splice(0);
  world.told();
}

const windowed = (window: string) => ({ data: chat, attributes: { window } });

describe('a message that no call can answer in time any more', () => {
  /** 99 % of calls take more than about 30 s. */
  async function startSlow(deadLetterExpired = false): Promise<ProcessorWorld> {
    const world = await startProcessorWorld({ settings: { deadLetterExpired, maxWaiting: 200, maxWaitMs: 500_000 } });
    takeMs(world, 30_000);
    const started = Array.from({ length: 100 }, () => world.start({ data: chat }));
    for (let each = 0; each < 600 && started.some(({ status }) => status !== 204); each += 1) {
      await world.clock.advance(5000);
    }
    world.published.length = 0;
    world.results().splice(0);
    world.told();
    world.play(() => answering(200));
    return world;
  }

  test('gets its result at once, and no call', async () => {
    const world = await startSlow();
    expect(await world.push(windowed('20s'))).toBe(204);
    expect(world.calls).toHaveLength(0);
    expect(world.published).toMatchObject([
      { topic: 'results', attributes: { error_code: 'DEADLINE_UNREACHABLE', status: 'failed', attempts: '0' } },
    ]);
    expect(JSON.parse(world.published[0]!.data.toString()).error_message).toMatch(
      /^20\.0 s are left to the deadline, and 99 in 100 calls like it have lately taken more than 2\d\.\d s$/,
    );
    expect(world.results()).toMatchObject([{ outcome: 'unreachable' }]);
  });

  test('is one that has no room in an overload as well, and says so', async () => {
    const world = await startSlow();
    for (let each = 0; each < 40; each += 1) await world.push(windowed('20s'));
    world.play(() => new Promise(() => undefined));
    for (let each = 0; each < 200; each += 1) world.start({ data: chat });
    const waiting = world.start(windowed('150s'));
    await world.clock.advance(1000);
    world.published.length = 0;
    await world.clock.advance(105_000);
    expect(waiting.status).toBe(204);
    expect(world.published).toMatchObject([{ topic: 'results', attributes: { error_code: 'DEADLINE_UNREACHABLE' } }]);
    expect(JSON.parse(world.published[0]!.data.toString()).error_message).toMatch(
      /left to the deadline, and there is no room for it: /,
    );
  });

  test('is a dead letter too, where expired ones are', async () => {
    const world = await startSlow(true);
    await world.push(windowed('20s'));
    expect(world.published.map(({ topic, attributes }) => [topic, attributes.error_code])).toEqual([
      ['dead', 'DEADLINE_UNREACHABLE'],
      ['results', 'DEADLINE_UNREACHABLE'],
    ]);
  });

  test('is one of its own class: another output cap has figures of its own', async () => {
    const world = await startSlow();
    expect(await world.push({ ...windowed('20s'), data: { ...chat, max_tokens: 1 } })).toBe(204);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded' }]);
  });
});

describe('a message that would miss its deadline', () => {
  const subscriptions = { hasty: { ESCALATION_OBJECTIVE: 'urgent' } };

  /** A pool that answers in two seconds, and whose gate is closed from now on. */
  async function startClosed(realtime: { overBudget?: boolean } = {}): Promise<ProcessorWorld> {
    let isClosed = false;
    const source = async () => {
      const { overBudget } = realtime;
      const misses = overBudget === undefined ? {} : { realtimeOverBudget: overBudget };
      return { ...closed, saturation: Number(isClosed), ...misses };
    };
    const world = await startProcessorWorld({ subscriptions, source });
    await answer(world, 5);
    isClosed = true;
    await world.clock.advance(5000);
    // The first one that asks has the load read anew, and may itself still go.
    world.start({ data: chat });
    await world.clock.advance(3000);
    world.results().splice(0);
    world.told();
    world.play(() => answering(200));
    return world;
  }

  test('is called with its subscription’s other objective, past the closed gate, and that is told once', async () => {
    const world = await startClosed();
    world.play((_, index) => answering(index === 0 ? 429 : 200));
    expect(await world.push({ ...windowed('7s'), subscription: 'projects/p/subscriptions/hasty' })).toBe(204);
    expect(world.calls.map(({ headers }) => headers['x-gateway-inference-objective'])).toEqual(['urgent', 'urgent']);
    expect(world.told().filter((line) => line.startsWith('escalated'))).toEqual(['escalated urgent saturated']);
    expect(world.results()).toMatchObject([{ outcome: 'succeeded', deadlineAtMs: expect.any(Number) }]);
  });

  test('waits while real-time work misses more than its budget, and goes when that is over', async () => {
    const realtime = { overBudget: true };
    const world = await startClosed(realtime);
    const push = world.start({ ...windowed('15s'), subscription: 'projects/p/subscriptions/hasty' });
    await world.clock.advance(9000);
    expect(world.calls).toHaveLength(0);
    expect(world.told()).toContain('escalation pauses');
    realtime.overBudget = false;
    await world.clock.advance(5000);
    expect(world.told()).toContain('escalation goes on');
    expect(world.calls.map(({ headers }) => headers['x-gateway-inference-objective'])).toEqual(['urgent']);
    expect(push.status).toBe(204);
  });

  test('goes where the source says nothing of real-time work', async () => {
    const world = await startClosed({});
    expect(await world.push({ ...windowed('7s'), subscription: 'projects/p/subscriptions/hasty' })).toBe(204);
    expect(world.told().filter((line) => line.startsWith('escalat'))).toEqual(['escalated urgent saturated']);
  });

  test('goes back where its subscription has none', async () => {
    const world = await startClosed();
    expect(await world.push(windowed('30s'))).toBe(429);
    expect(world.calls).toHaveLength(0);
  });

  test('says how much time is left on each call', async () => {
    const world = await startClosed();
    await world.push({ ...windowed('7s'), subscription: 'projects/p/subscriptions/hasty' });
    const [{ headers }] = world.calls as [(typeof world.calls)[0]];
    expect(Number(headers['x-llm-d-slo-ttft-ms'])).toBeGreaterThan(6000);
    expect(Number(headers['x-llm-d-slo-ttft-ms'])).toBeLessThanOrEqual(7000);
  });
});

test('a retry keeps the deadline that its window gave it', async () => {
  const world = await startProcessorWorld();
  world.play(() => ({ end: 'broken', message: 'ECONNRESET' }));
  await world.push(windowed('10m'));
  expect(world.on('retries')).toMatchObject([
    { attributes: { window: '10m', resolved_deadline: String((wallStartMs + 1000 + 600_000) / 1000) } },
  ]);
});
