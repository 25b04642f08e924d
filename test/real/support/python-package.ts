import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where packages are kept from one run to the next; git ignores it. */
export const cacheFolder = resolve(import.meta.dirname, '../../../.local/real');

/** Says in one line why a part is left out. */
export function sayLeftOut(what: string, why: string): undefined {
  process.stderr.write(`LEFT OUT: ${what}: ${why}\n`);
  return undefined;
}

/** Runs a command to its end; what it printed where it failed, else undefined. */
export function faultOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 64 * 1024 * 1024 });
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `status ${status}`);
}

/**
 * A virtual environment with a package of PyPI, made once and kept; `install` may add to it. Undefined, and said, where the package cannot
 * be had here.
 */
export function pythonEnvironment(
  name: string,
  install: (pip: readonly string[]) => string | undefined,
): string | undefined {
  const folder = resolve(cacheFolder, name);
  // Its programs know where it stands, so that it cannot be made elsewhere and moved.
  const whole = `${folder}/.complete`;
  if (existsSync(whole)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cacheFolder, { recursive: true });
  const fault =
    faultOf('python3', ['-m', 'venv', folder]) ??
    install([`${folder}/bin/python`, '-m', 'pip', '--no-cache-dir', '--quiet', 'install']);
  if (fault !== undefined) return sayLeftOut(name, fault);
  writeFileSync(whole, '');
  return folder;
}
