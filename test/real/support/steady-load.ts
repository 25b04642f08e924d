import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

export interface SteadyLoad {
  readonly url: string;
  readonly count: number;
  /** So many requests at once. */
  readonly connections: number;
  /** The same for all, or that of the request with this number. */
  readonly body: string | ((index: number) => string);
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with each answer that is over. */
  readonly onAnswer?: (served: string, done: number) => void;
  /** From when on nothing more is sent. */
  readonly isOver?: () => boolean;
}

export interface LoadOutcome {
  /** How many by status, or by what became of them. */
  readonly ends: Readonly<Record<string, number>>;
  readonly perSecond: number;
}

/** Sends requests one after another on each connection; an answer that is cut is `cut`, a connection that fails its error. */
export async function sendSteadily(load: SteadyLoad): Promise<LoadOutcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const ends: Record<string, number> = {};
  let [left, sent, done] = [load.count, 0, 0];
  const sinceMs = performance.now();
  const sendOn = async (): Promise<void> => {
    while (left > 0 && !load.isOver?.()) {
      left -= 1;
      sent += 1;
      const body = typeof load.body === 'string' ? load.body : load.body(sent);
      const { how, served } = await one(load, body, agent);
      ends[how] = (ends[how] ?? 0) + 1;
      done += 1;
      load.onAnswer?.(served, done);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, sendOn));
  agent.destroy();
  return { ends, perSecond: Math.round((done / (performance.now() - sinceMs)) * 1000) };
}

function one({ url, headers = {} }: SteadyLoad, body: string, agent: Agent): Promise<{ how: string; served: string }> {
  return new Promise((over) => {
    const outgoing = request(
      new URL('/v1/chat/completions', url),
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      },
      (answer) => {
        const served = `${answer.headers['x-gateway-destination-endpoint-served']}`;
        answer.resume();
        answer.on('error', () => {});
        answer.once('close', () => over({ how: answer.complete ? `${answer.statusCode}` : 'cut', served }));
      },
    );
    outgoing.once('error', ({ message }) => over({ how: message, served: '' }));
    outgoing.end(body);
  });
}

/** Microseconds of CPU that a process has used. Linux alone tells. */
export function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}
