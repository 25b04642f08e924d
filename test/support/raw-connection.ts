import { connect, type Socket } from 'node:net';
import { afterAll } from 'vitest';
import { until } from './poll.ts';

const opened = new Set<RawConnection>();
afterAll(() => {
  for (const connection of opened) connection.cut();
});

/** A connection whose every byte is the test's. */
export class RawConnection {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.text += text;
    });
    this.socket.on('error', () => {});
    this.socket.once('close', () => {
      this.closed = true;
      opened.delete(this);
    });
    opened.add(this);
  }

  send(...pieces: readonly string[]): this {
    for (const piece of pieces) this.socket.write(piece, 'latin1');
    return this;
  }

  cut(): void {
    this.socket.destroy();
  }

  /** Status and error code of the answers so far. */
  get answers(): readonly (readonly [status: number, code: string | undefined])[] {
    return this.text
      .split(/(?=HTTP\/1\.1 \d{3} )/)
      .filter((part) => part.startsWith('HTTP/1.1 '))
      .map((part) => [Number(part.slice(9, 12)), /"code":"([a-z_]+)"\}\}/.exec(part)?.[1]]);
  }

  async untilAnswers(count: number): Promise<RawConnection['answers']> {
    await until(() => this.answers.length >= count, { what: `${count} answers, after ${this.text.slice(0, 500)}` });
    return this.answers;
  }

  async untilClosed(timeoutMs = 10_000): Promise<void> {
    await until(() => this.closed, { what: 'the connection to be closed', timeoutMs });
  }
}

export function postHead(headers: readonly string[], path = '/v1/completions'): string {
  return `${[`POST ${path} HTTP/1.1`, 'host: x', ...headers].join('\r\n')}\r\n\r\n`;
}
