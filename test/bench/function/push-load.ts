import { connect, type Socket } from 'node:net';
import type { PushLoad, PushLoadResult } from './push-load-shape.ts';

/** Pushes messages over raw sockets, each connection its next when it has its answer; every message has an id of its own. */
const load = JSON.parse(process.argv[2] ?? '{}') as PushLoad;
const url = new URL(load.url);
const idDigits = 12;
const placeholder = '#'.repeat(idDigits);
const template = pushOf(placeholder);
const parts = template.split(placeholder);
const bodyBytes = Buffer.byteLength(template);
const head = `POST / HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
const firstId = Math.floor(Math.random() * 1e6) * 1e6;

let sent = 0;
let answered = 0;
let failed = 0;
const startedAtMs = performance.now();
const sockets = Array.from({ length: load.connections }, open);
setTimeout(() => {
  const seconds = (performance.now() - startedAtMs) / 1000;
  for (const socket of sockets) socket.destroy();
  const result: PushLoadResult = { answered, failed, seconds };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}, load.durationMs);

function open(): Socket {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  const send = (): void => {
    sent += 1;
    socket.write(head + parts.join(String(firstId + sent).padStart(idDigits, '0')));
  };
  let text = '';
  socket.setEncoding('latin1');
  socket.on('connect', send);
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (!text.includes('\r\n\r\n')) return;
    if (text.startsWith('HTTP/1.1 204')) answered += 1;
    else failed += 1;
    text = '';
    send();
  });
  socket.on('error', () => (failed += 1));
  return socket;
}

function pushOf(messageId: string): string {
  const around = (content: string) => JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });
  const words = 'some words and '.repeat(load.dataBytes / 15 + 1).slice(0, load.dataBytes - around('').length);
  const data = Buffer.from(around(words)).toString('base64');
  const publishTime = new Date().toISOString();
  return JSON.stringify({
    message: { data, messageId, message_id: messageId, publishTime, publish_time: publishTime },
    subscription: 'projects/bench/subscriptions/requests',
  });
}
