import { connect, type Socket } from 'node:net';
import type { Load, LoadResult } from './load-shape.ts';

/** Sends canned requests over raw sockets and times their answers; a process of its own, so that it costs no peer anything. */
const load = JSON.parse(process.argv[2] ?? '{}') as Load;
const url = new URL(load.url);
const head = [
  'POST /v1/chat/completions HTTP/1.1',
  `host: ${url.host}`,
  'content-type: application/json',
  ...Object.entries(load.headers).map(([name, value]) => `${name}: ${value}`),
  `content-length: ${Buffer.byteLength(load.body)}`,
];
const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${load.body}`);

const lastChunk = '0\r\n\r\n';
const eventMark = 'data: {';
const latenciesMs: number[] = [];
let failed = 0;
const idle: Connection[] = [];

class Connection {
  readonly #socket: Socket;
  #sentAtMs = 0;
  #text = '';
  /** Of the body that comes in; -1 while its head is not there, 0 for a chunked one. */
  #sizeBytes = -1;
  #isServed = false;
  #events = 0;

  constructor() {
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('connect', () => this.#ready());
    this.#socket.on('data', (text: string) => this.#received(text));
    this.#socket.on('error', () => this.#lost());
  }

  send(): void {
    this.#sentAtMs = performance.now();
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #ready(): void {
    if (load.rate === undefined) this.send();
    else idle.push(this);
  }

  #received(text: string): void {
    this.#text += text;
    if (this.#sizeBytes < 0) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#isServed = this.#text.startsWith('HTTP/1.1 200');
      this.#events = 0;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text.slice(0, end + 2))?.[1];
      this.#sizeBytes = Number(length ?? 0);
      this.#text = this.#text.slice(end + 4);
    }
    if (this.#sizeBytes === 0) this.#skipEvents();
    if (this.#sizeBytes === 0 ? !this.#text.endsWith(lastChunk) : this.#text.length < this.#sizeBytes) return;
    if (this.#isServed && this.#events === (load.events ?? 0)) latenciesMs.push(performance.now() - this.#sentAtMs);
    else failed += 1;
    this.#text = '';
    this.#sizeBytes = -1;
    this.#ready();
  }

  /** Counts the events that have come, and keeps what may be the beginning of the next, or of the end. */
  #skipEvents(): void {
    for (let at = this.#text.indexOf(eventMark); at >= 0; at = this.#text.indexOf(eventMark, at + 1)) this.#events += 1;
    this.#text = this.#text.slice(1 - eventMark.length);
  }

  #lost(): void {
    failed += 1;
  }
}

const startedAtMs = performance.now();
const connections = Array.from({ length: load.connections }, () => new Connection());
const { rate } = load;
if (rate !== undefined) {
  let sent = 0;
  let firstAtMs = 0;
  setInterval(() => {
    if (sent === 0 && idle.length < load.connections) return;
    if (sent === 0) firstAtMs = performance.now();
    const due = ((performance.now() - firstAtMs) / 1000) * rate + 1;
    for (; sent < due; sent += 1) {
      const connection = idle.shift();
      if (connection) connection.send();
      else failed += 1;
    }
  }, 1);
}
setTimeout(() => {
  const seconds = (performance.now() - startedAtMs) / 1000;
  for (const connection of connections) connection.close();
  latenciesMs.sort((a, b) => a - b);
  const result: LoadResult = {
    answered: latenciesMs.length,
    failed,
    seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}, load.durationMs);

function quantile(share: number): number {
  return latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? Number.NaN;
}
