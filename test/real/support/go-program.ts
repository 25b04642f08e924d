import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { cacheFolder, faultOf, sayLeftOut } from './python-package.ts';

/** A program in Go that others made. */
export interface GoProgram {
  readonly name: string;
  /** `MODULE@VERSION`, as a module proxy knows it. */
  readonly module: string;
  /** Names a folder with its sources, where the proxy does not have them. */
  readonly variable: string;
  /** What is built, from its root. */
  readonly package: string;
  /** Modules that it needs and that the proxy may not have either: module → variable that names a folder. */
  readonly needs?: Readonly<Record<string, string>>;
}

const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false -mod=mod' };

/** Builds the program with Go, in no time where it was built before; undefined, and said, where it cannot be had here. */
export function goProgram({ name, module, variable, package: built, needs = {} }: GoProgram): string | undefined {
  const folder = process.env[variable] || downloaded(module);
  if (!folder) return sayLeftOut(name, `${module} is not on the module proxy, and ${variable} names no folder with it`);
  const program = resolve(cacheFolder, name);
  mkdirSync(cacheFolder, { recursive: true });
  // Copies, so that nothing is written into a folder that is not ours.
  for (const kind of ['mod', 'sum']) copyFileSync(resolve(folder, `go.${kind}`), `${program}.${kind}`);
  const replacements = Object.entries(needs).flatMap(([needed, folderOf]) => {
    const its = process.env[folderOf];
    return its ? ['-replace', `${needed}=${resolve(its)}`] : [];
  });
  const fault =
    (replacements.length > 0 ? faultOf('go', ['mod', 'edit', ...replacements, `${program}.mod`]) : undefined) ??
    faultOf('go', ['-C', folder, 'build', `-modfile=${program}.mod`, '-o', program, built], env);
  return fault === undefined ? program : sayLeftOut(name, fault);
}

/** The folder of a module of the proxy; undefined where there is no Go, or no such module. */
function downloaded(module: string): string | undefined {
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as { Dir?: string }).Dir : undefined;
}
