import { Agent, type IncomingMessage, request } from 'node:http';

export interface StreamUsersOptions {
  readonly url: string;
  readonly count: number;
  /** Whether a stream is left before its end, and how long it is: a seeded source in [0, 1). */
  readonly random: () => number;
  readonly cancelShare: number;
  /** Tokens of a stream, at least and at most. */
  readonly tokens: readonly [number, number];
}

/** Users: each reads one stream after another, and leaves some of them before the end. */
export class StreamUsers {
  served = 0;
  left = 0;
  /** Ended otherwise than it should. */
  readonly failed: string[] = [];
  chunks = 0;
  readonly #options: StreamUsersOptions;
  readonly #agent = new Agent({ keepAlive: true });
  #stopping = false;
  #open = 0;

  constructor(options: StreamUsersOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open;
  }

  /** Users come one by one over `overMs`, so that their chunks spread. */
  start(overMs: number): void {
    for (let user = 0; user < this.#options.count; user += 1) {
      setTimeout(() => this.#next(), (overMs * user) / this.#options.count);
    }
  }

  /** Lets every stream end, and begins no other. */
  stop(): void {
    this.#stopping = true;
  }

  close(): void {
    this.#agent.destroy();
  }

  #next(): void {
    if (this.#stopping) return;
    const { url, random, cancelShare, tokens } = this.#options;
    const max_tokens = Math.round(tokens[0] + random() * (tokens[1] - tokens[0]));
    const leaveAfterChunks = random() < cancelShare ? Math.floor(random() * max_tokens) : undefined;
    const outgoing = request(new URL('/v1/chat/completions', url), { method: 'POST', agent: this.#agent });
    this.#open += 1;
    let over = false;
    const end = (as: 'served' | 'left' | string): void => {
      if (over) return;
      over = true;
      this.#open -= 1;
      if (as === 'served') this.served += 1;
      else if (as === 'left') this.left += 1;
      else this.failed.push(as);
      this.#next();
    };
    const leave = (): void => {
      outgoing.destroy();
      end('left');
    };
    outgoing.once('error', (error) => end(error.message));
    outgoing.once('response', (response) => {
      if (leaveAfterChunks === 0) leave();
      else this.#read(response, end, leave, leaveAfterChunks);
    });
    outgoing.end(
      JSON.stringify({ model: 'm', stream: true, max_tokens, messages: [{ role: 'user', content: 'hello' }] }),
    );
  }

  #read(response: IncomingMessage, end: (as: string) => void, leave: () => void, leaveAfterChunks = -1): void {
    let seen = 0;
    let tail = '';
    response.setEncoding('latin1');
    response.on('data', (text: string) => {
      seen += 1;
      this.chunks += 1;
      tail = text.slice(-20);
      if (seen === leaveAfterChunks) leave();
    });
    response.once('close', () => {
      const well = response.statusCode === 200 && response.complete && tail.endsWith('data: [DONE]\n\n');
      end(well ? 'served' : `status ${response.statusCode}, ended with ${JSON.stringify(tail)}`);
    });
    response.on('error', () => {});
  }
}
