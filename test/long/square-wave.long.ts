import { expect, test } from 'vitest';
import { report } from '../support/report.ts';
import { startWave, type WaveOptions, type WaveReport } from '../support/square-wave.ts';

const minute = 60_000;
const wave: Omit<WaveOptions, 'functions'> = {
  messages: 5000,
  seed: Number(process.env.SEED ?? 1),
  periodMs: 10 * minute,
  lastsMs: 15 * minute,
  intervalSeconds: 60,
  delaySeconds: 120,
};

/** At the same time, so that what else the machine does meets all alike. */
test('a pool that swings from idle to full, read minutes late: nobody, one and four functions', async () => {
  const nobody = await startWave({ ...wave, functions: 0 });
  const one = await startWave({ ...wave, functions: 1 });
  const four = await startWave({ ...wave, functions: 4 });
  const [alone, single, fourfold] = await Promise.all([nobody, one, four].map((run) => run.report(15 * minute)));
  if (!alone || !single || !fourfold) throw new Error('a run has no report');
  tell('users alone', alone);
  tell('one function', single);
  tell('four functions', fourfold);
  for (const run of [single, fourfold]) {
    expect(run).toMatchObject({ answered: wave.messages, lost: [], deadLettered: 0 });
    expect(run.nacksPerMessage).toBeLessThan(2);
  }
  expect(fourfold.queue.mean).toBeLessThanOrEqual(single.queue.mean * 1.1 + 0.1);
  expect(fourfold.queue.p95).toBeLessThanOrEqual(single.queue.p95 * 1.1 + 1);
});

function tell(name: string, run: WaveReport): void {
  report(`a square wave of ten minutes, seed ${wave.seed}, ${name}`, {
    answered: run.answered,
    'answered in the wave': run.answeredInWave,
    lost: run.lost.length,
    'nacks a message': run.nacksPerMessage.toFixed(2),
    shed: run.shed,
    'queue mean': run.queue.mean.toFixed(2),
    'queue p95': run.queue.p95,
    'queue max': run.queue.max,
    'real-time wait mean ms': run.realtimeWaitMs.mean.toFixed(0),
    'real-time wait p99 ms': run.realtimeWaitMs.p99.toFixed(0),
    seconds: run.seconds,
    gate: run.gate.join(' · '),
  });
}
