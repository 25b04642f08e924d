import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as settle } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';

const page = readFileSync(join(import.meta.dirname, '../../../gateway/observe/dashboard.html'), 'utf8');
const script = /<script>([\s\S]*)<\/script>/.exec(page)?.[1] ?? '';
const state = {
  pool: 'llama',
  policy: 'latency',
  draining: false,
  realtimeSaturation: 0.5,
  capacity: {
    readyEndpoints: 1,
    saturation: 0.75,
    sheddable: { inFlight: 1, window: 8 },
    queued: { standard: 2 },
    realtime: { overBudget: false },
  },
  queue: [],
  endpoints: [],
};

/** As much of an element as the page asks for. */
class FakeElement {
  textContent = '–';
  children: unknown[] = [];
  readonly style = {};
  readonly classes = new Set<string>();
  readonly classList = {
    add: (name: string) => this.classes.add(name),
    remove: (name: string) => this.classes.delete(name),
  };

  append(...children: unknown[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: unknown[]): void {
    this.children = children;
  }

  get text(): string {
    return this.children.map((child) => (child instanceof FakeElement ? child.text : String(child))).join(' ');
  }
}

/** The page's own script, before a gateway that does as it is told, at a time of the test's own. */
function open(gateway: () => Promise<unknown>) {
  const elements = new Map<string, FakeElement>();
  const byId = (id: string): FakeElement => {
    const found = elements.get(id) ?? new FakeElement();
    elements.set(id, found);
    return found;
  };
  const body = new FakeElement();
  const world = { answer: gateway, time: '10:00:00', tasks: [] as (() => void)[] };
  runInNewContext(script, {
    document: { getElementById: byId, createElement: () => new FakeElement(), body },
    fetch: () => world.answer(),
    AbortSignal,
    setTimeout: (task: () => void) => void world.tasks.push(task),
    Date: class {
      toLocaleTimeString = (): string => world.time;
    },
  });
  return {
    /** The next second has passed, and the gateway was asked. */
    next: async (time: string, answer: () => Promise<unknown>) => {
      await settle();
      Object.assign(world, { time, answer });
      for (const task of world.tasks.splice(0)) task();
      await settle();
    },
    shown: async () => {
      await settle();
      return {
        asOf: byId('asOf').textContent,
        notice: byId('notice').textContent,
        isGrey: body.classes.has('silent'),
        saturation: /saturation (\S+)/.exec(byId('figures').text)?.[1],
      };
    },
  };
}

const answers = (changed: object = {}) =>
  Promise.resolve({ ok: true, status: 200, json: async () => ({ ...state, ...changed }) });
const silent = 'the gateway does not answer: what is shown is old';

test('what is shown says of when it is', async () => {
  const { shown, next } = open(() => answers());
  expect(await shown()).toEqual({ asOf: '10:00:00', notice: '', isGrey: false, saturation: '0.75' });
  await next('10:00:01', () => answers({ capacity: { ...state.capacity, saturation: 0.25 } }));
  expect(await shown()).toEqual({ asOf: '10:00:01', notice: '', isGrey: false, saturation: '0.25' });
});

test.each([
  ['that is not reached', () => Promise.reject(new TypeError('fetch failed'))],
  [
    'that is gone, behind a proxy that says so',
    async () => ({ ok: false, status: 503, json: async () => ({ error: {} }) }),
  ],
  [
    'that answers with half a page',
    async () => ({ ok: true, status: 200, json: () => Promise.reject(new SyntaxError()) }),
  ],
])('a gateway %s leaves what was shown, as of then and grey, until it answers again', async (_, answer) => {
  const { shown, next } = open(() => answers());
  await next('10:00:05', answer);
  expect(await shown()).toEqual({ asOf: '10:00:00', notice: silent, isGrey: true, saturation: '0.75' });
  await next('10:00:09', () => answers());
  expect(await shown()).toEqual({ asOf: '10:00:09', notice: '', isGrey: false, saturation: '0.75' });
});

test('grey is what the page makes of silence', () => {
  expect(page).toMatch(/\.silent dl, \.silent \.table \{[^}]*grayscale\(1\)/);
});
