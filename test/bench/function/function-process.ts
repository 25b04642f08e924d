import { join, resolve } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { type Measured, start } from '../gateway/processes.ts';

export const root = resolve(import.meta.dirname, '../../..');

/** What the function needs around it, on the core that measures. */
export async function startSurroundings() {
  const upstream = await start({ command: [process.execPath, join(root, 'test/bench/gateway/canned-upstream.ts')] }, 0);
  const publisher = await start(
    { command: [process.execPath, join(import.meta.dirname, 'stub-publisher.ts')], isSilent: true },
    0,
  );
  return { upstream, publisher, kill: () => [upstream, publisher].forEach((each) => void each.kill()) };
}

export type Surroundings = Awaited<ReturnType<typeof startSurroundings>>;

export function functionEnvironment({ upstream, publisher }: Surroundings): Record<string, string> {
  return {
    // No metadata server to look for, as in the tests.
    METADATA_SERVER_DETECTION: 'none',
    HOST: '127.0.0.1',
    PORT: '0',
    INFERENCE_GATEWAY_URL: upstream.url,
    PUBSUB_EMULATOR_HOST: new URL(publisher.url).host,
    GOOGLE_CLOUD_PROJECT: 'bench',
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    CAPACITY_SOURCES: 'none',
  };
}

/** Node's flags in `npm run function`: on a machine with much memory V8 would take it. */
const nodeFlags = packageJson.scripts.function.split(' ').filter((word) => word.startsWith('--'));

/** As `npm run function` starts it. */
export function startFunction(
  around: Surroundings,
  env: Readonly<Record<string, string>> = {},
  main = join(root, 'functions/processor/main.ts'),
): Promise<Measured> {
  const command = [process.execPath, ...nodeFlags, main];
  return start({ command, env: { ...functionEnvironment(around), ...env } }, 1);
}
