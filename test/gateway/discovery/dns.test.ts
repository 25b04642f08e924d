import { afterEach, expect, test } from 'vitest';
import { ResolvedService } from '../../../gateway/discovery/dns.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

type Answer = readonly string[] | Error | 'never';
const nxdomain = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });

const services: ResolvedService[] = [];
afterEach(() => {
  for (const service of services.splice(0)) service.close();
});

/** A Service whose name is answered from a script; the last answer stays. */
async function follow(...answers: Answer[]) {
  const clock = createManualClock();
  const sets: string[] = [];
  const lines: string[] = [];
  let asked = 0;
  const log = {
    info: (_: unknown, line: string) => lines.push(`info ${line}`),
    warn: (_: unknown, line: string) => lines.push(`warn ${line}`),
  } as unknown as Logger;
  const service = new ResolvedService({
    host: 'engines',
    port: 8000,
    log,
    onAddresses: (addresses) => sets.push(addresses.map(({ url }) => url).join(' ')),
    resolve: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)] ?? [];
      asked += 1;
      if (answer instanceof Error) throw answer;
      if (answer === 'never') return new Promise<never>(() => {});
      return answer;
    },
    clock,
  });
  services.push(service);
  await service.start();
  return { clock, sets, lines, service, asked: () => asked };
}

test('addresses become base URLs; equal answers, in whatever order, change nothing', async () => {
  const { clock, sets } = await follow(
    ['10.0.0.2', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.1', '10.0.0.2', '::1'],
  );
  await clock.advance(5000);
  expect(sets).toEqual(['http://10.0.0.1:8000 http://10.0.0.2:8000']);
  await clock.advance(5000);
  expect(sets[1]).toBe('http://10.0.0.1:8000 http://10.0.0.2:8000 http://[::1]:8000');
});

test.each<[string, Answer, string]>([
  ['fails', nxdomain, 'does not resolve (ENOTFOUND)'],
  ['is empty', [], 'has no address'],
])('an answer that %s leaves the last good set, and is told once, as is its end', async (_, bad, said) => {
  const { clock, sets, lines } = await follow(['10.0.0.1'], bad, bad, bad, ['10.0.0.1']);
  await clock.advance(20_000);
  expect(sets).toEqual(['http://10.0.0.1:8000']);
  const warnings = lines.filter((line) => line.startsWith('warn'));
  expect(warnings).toEqual([expect.stringContaining(`the name ${said}; the last good set stays`)]);
  expect(lines.filter((line) => line.includes('resolves again'))).toHaveLength(1);
});

test('trouble that changes is told anew', async () => {
  const { clock, lines } = await follow(['10.0.0.1'], nxdomain, [], nxdomain);
  await clock.advance(15_000);
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(3);
});

test('an address that one answer lacks stays until the next one, a second later, lacks it too', async () => {
  const both = ['10.0.0.1', '10.0.0.2'];
  const { clock, sets } = await follow(both, ['10.0.0.1'], both, ['10.0.0.1']);
  await clock.advance(11_000);
  expect(sets).toHaveLength(1);
  await clock.advance(1000);
  expect(sets[1]).toBe('http://10.0.0.1:8000');
});

test('a name that does not resolve at the start is asked again every second', async () => {
  const { clock, sets } = await follow(nxdomain, nxdomain, ['10.0.0.1']);
  expect(sets).toEqual([]);
  await clock.advance(2000);
  expect(sets).toEqual(['http://10.0.0.1:8000']);
});

test('a resolver that does not answer is not asked again meanwhile', async () => {
  const { clock, asked } = await follow(['10.0.0.1'], 'never');
  await clock.advance(60_000);
  expect(asked()).toBe(2);
});

test('closing leaves no timer', async () => {
  const { clock, service, asked } = await follow(['10.0.0.1']);
  await clock.advance(5000);
  service.close();
  await clock.advance(60_000);
  expect([asked(), clock.pendingTimers()]).toEqual([2, 0]);
});
