import { expect, test } from 'vitest';
import { readEngineLoad } from '../../../gateway/discovery/dialects/engine-load.ts';
import { readModelList } from '../../../gateway/endpoint/model-list.ts';

const mostCpuMs = 100;
const mebibyte = 1024 * 1024;

/** CPU time of this thread: a loaded machine takes none of it. */
function cpuMsOf(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** As often as fits `sizeBytes`. */
const filled = (line: string, sizeBytes: number): string => line.repeat(Math.ceil(sizeBytes / line.length));

const waiting = 'vllm:num_requests_waiting 3\n';

test.each([
  ['of labels', filled(`vllm:num_requests_waiting{a="${'x'.repeat(1000)}"} 1\n`, 7.9 * mebibyte)],
  ['of one line', `vllm:num_requests_waiting{${filled('a="b",', 7.9 * mebibyte)}} 1\n`],
  ['of escapes', filled(`vllm:lora_requests_info{running_lora_adapters="${'\\n'.repeat(8000)}"} 1\n`, mebibyte)],
  ['of adapters', filled(`vllm:lora_requests_info{running_lora_adapters="${'a,'.repeat(8000)}"} 1\n`, mebibyte)],
  ['of blanks', filled(' ', mebibyte)],
  ['of lines that only begin like ours', filled('vllm:num_requests_waitin', mebibyte)],
  ['of empty lines', filled('\n', mebibyte)],
])('no page holds the loop: %s', (_, page) => {
  readEngineLoad(waiting + page.slice(0, 10_000));
  expect(cpuMsOf(() => readEngineLoad(waiting + page))).toBeLessThan(mostCpuMs);
  expect(readEngineLoad(waiting + page)?.waiting).toBeGreaterThanOrEqual(3);
});

test('a line over 16 KiB is passed over, and what stands beyond 1 MiB', () => {
  const long = `vllm:num_requests_running{a="${'x'.repeat(17_000)}"} 5\n`;
  expect(readEngineLoad(long + waiting)).toMatchObject({ running: 0, waiting: 3 });
  expect(readEngineLoad(waiting + filled('# no\n', mebibyte) + waiting)?.waiting).toBe(3);
});

const listOf = (entries: readonly unknown[]): string => JSON.stringify({ object: 'list', data: entries });

test.each([
  ['many models', listOf(Array.from({ length: 30_000 }, (_, index) => ({ id: `model-${index}` }))), 1000],
  ['deep', `{"data":${'['.repeat(500_000)}`, undefined],
  ['too long', listOf([{ id: 'm', note: 'x'.repeat(mebibyte) }]), undefined],
  ['names that no request may have', listOf([{ id: 'x'.repeat(257) }, { id: 'm' }]), 1],
])('no list of models holds the loop: %s', (_, text, models) => {
  expect(cpuMsOf(() => readModelList(text))).toBeLessThan(mostCpuMs);
  expect(readModelList(text)?.size).toBe(models);
});
