import { fileURLToPath } from 'node:url';

/** Loaded into a service by `--import`: each SIGUSR2 sets its wall clock, and only that: a minute ahead, a minute back, right again. */
const stepsMs = [60_000, -60_000, 0];

/** The variable that loads this file into a Node process. */
export const steppableClock: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${fileURLToPath(import.meta.url)}?steppable`,
};

if (import.meta.url.endsWith('?steppable')) {
  const RealDate = Date;
  let step = stepsMs.length - 1;
  const nowMs = (): number => RealDate.now() + stepsMs[step]!;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length > 0 ? given : [nowMs()], newTarget) as Date,
    get: (target, name) => (name === 'now' ? nowMs : Reflect.get(target, name)),
  });
  process.on('SIGUSR2', () => {
    step = (step + 1) % stepsMs.length;
  });
}
