import { join } from 'node:path';
import { type RunningProcess, startProcess } from '../processes.ts';
import { steppableClock } from './steppable-clock.ts';

/** Processes that may die at any time, and are started again on their ports. */
export type PartName = 'pubsub' | 'gateway' | 'monitoring' | 'function' | 'engine-1' | 'engine-2';

type Start = (port: string) => Promise<RunningProcess>;

/** A process, however often it was started. */
export class Part {
  readonly name: PartName;
  readonly #start: Start;
  readonly #outputs: (() => string)[] = [];
  readonly crashes: string[] = [];
  #process!: RunningProcess;
  #isKilled = false;
  #hasEnded = false;

  private constructor(name: PartName, start: Start) {
    this.name = name;
    this.#start = start;
  }

  static async start(name: PartName, start: Start): Promise<Part> {
    const part = new Part(name, start);
    await part.#run('0');
    return part;
  }

  get process(): RunningProcess {
    return this.#process;
  }

  get outputs(): readonly string[] {
    return this.#outputs.map((output) => output());
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    await this.#process.kill('SIGKILL');
  }

  /** Its end is expected: what it says then is no crash. */
  expectEnd(): void {
    this.#isKilled = true;
  }

  async restart(): Promise<void> {
    await this.#run(new URL(this.#process.url).port);
  }

  /** Does nothing to a process that has crashed. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) process.kill(this.#process.pid, signal);
  }

  async #run(port: string): Promise<void> {
    this.#isKilled = false;
    const started = await this.#start(port);
    this.#process = started;
    this.#hasEnded = false;
    this.#outputs.push(started.output);
    void started.exited.then((code) => {
      if (this.#process === started) this.#hasEnded = true;
      if (!this.#isKilled) this.crashes.push(`${this.name} ended with ${code}: ${started.output().slice(-2000)}`);
    });
  }
}

const inferenceMs = '200';
const engineScript = 'test/support/chaos/chaos-engine.ts';

/** Pub/Sub with its data in the folder, two engines, our gateway before them, and Monitoring. The function needs Pub/Sub's topics first. */
export async function startSurroundings(folder: string, duplicateRate: number) {
  const knobs = ['--data', join(folder, 'pubsub.db'), '--duplicate-rate', String(duplicateRate)];
  const pubsub = await Part.start('pubsub', (port) =>
    startProcess('infra/local/pubsub/main.ts', ['--port', port, ...knobs], steppableClock),
  );
  const engines = await Promise.all(
    (['engine-1', 'engine-2'] as const).map((name) =>
      Part.start(name, (port) => startProcess(engineScript, [port, inferenceMs])),
    ),
  );
  const ENDPOINTS = engines.map(({ process: { url } }) => url).join();
  const settings = { ...steppableClock, HOST: '127.0.0.1' };
  const gateway = await Part.start('gateway', (PORT) =>
    startProcess('gateway/main.ts', [], { ...settings, ENDPOINTS, PORT, LOG_LEVEL: 'error', LOG_REQUESTS: 'none' }),
  );
  const scrape = ['--scrape', gateway.process.url, '--interval-seconds', '5', '--delay-seconds', '5'];
  const monitoring = await Part.start('monitoring', (port) =>
    startProcess('infra/local/monitoring/main.ts', ['--port', port, ...scrape]),
  );
  return { pubsub, engines, gateway, monitoring };
}

/** The function between them. */
export function startFunction(
  environment: Readonly<Record<string, string>>,
  gateway: Part,
  monitoring: Part,
): Promise<Part> {
  const settings = {
    ...environment,
    ...steppableClock,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
    INFERENCE_GATEWAY_URL: gateway.process.url,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    DEAD_LETTER_TOPIC: 'dead',
    CAPACITY_SOURCES: 'gateway,flow-control,pool',
    MONITORING_API_ENDPOINT: new URL(monitoring.process.url).host,
  };
  return Part.start('function', (PORT) => startProcess('functions/processor/main.ts', [], { ...settings, PORT }));
}
