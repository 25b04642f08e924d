import { execFile } from 'node:child_process';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';

/** Beside this file, in the tree as in the bundle. */
const maker = join(import.meta.dirname, `certificate-maker${extname(import.meta.filename)}`);
/** Derived: a hundred times what it takes on an idle machine. */
const mostMakingMs = 30_000;

/**
 * A key and a certificate that it signs itself, in PEM, as endpoint pickers have them: the proxy wants encryption, and does not ask for more.
 * @throws {Error} where the process that makes them fails
 */
export async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const { stdout } = await promisify(execFile)(process.execPath, [maker], { timeout: mostMakingMs });
  return JSON.parse(stdout);
}
