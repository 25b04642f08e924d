import { type IncomingHttpHeaders, request } from 'node:http';
import { expect } from 'vitest';
import { parsePrometheusText } from '../../../shared/runtime/prometheus-text.ts';
import type { EventShape, Shape } from './shape.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The bodies of the HTTP chunks, or of the reads of a body that has a length. */
  readonly pieces: readonly string[];
}

/** Sends a row's request to a server and holds the answer against the row. */
export async function checkShape(baseUrl: string, shape: Shape): Promise<void> {
  const answer = await send(baseUrl, shape);
  const text = answer.pieces.join('');
  expect(answer.status, text.slice(0, 2000)).toBe(shape.status);
  for (const [name, value] of Object.entries(shape.answerHeaders ?? {}))
    expect(answer.headers[name], name).toEqual(value);
  const bodies: unknown[] = [];
  if (shape.events) bodies.push(...checkEvents(answer.pieces, shape.events));
  if (shape.json) {
    bodies.push(JSON.parse(text));
    expect(bodies[0]).toMatchObject(shape.json);
  }
  for (const path of shape.absent ?? []) {
    for (const body of bodies) expect(body).not.toHaveProperty(path);
  }
  if (shape.series) checkSeries(text, shape.series);
}

/** The JSON of the events. */
function checkEvents(pieces: readonly string[], expected: readonly EventShape[]): unknown[] {
  const events = pieces.map((piece) => {
    const [, event, data] = /^(?:event: (.+)\n)?data: (.*)\n\n$/.exec(piece) ?? [];
    expect(data, `one event in one chunk: ${piece}`).toBeDefined();
    return { event, data: data === '[DONE]' ? data : JSON.parse(data!) };
  });
  expect(events.map(({ event }) => event)).toEqual(expected.map(({ event }) => event));
  for (const [index, { data }] of expected.entries()) {
    if (typeof data === 'string') expect(events[index]?.data).toBe(data);
    else expect(events[index]?.data).toMatchObject(data);
  }
  return events.map(({ data }) => data).filter((data) => typeof data === 'object');
}

function checkSeries(page: string, series: Readonly<Record<string, readonly string[]>>): void {
  const samples = parsePrometheusText(page);
  for (const [name, labels] of Object.entries(series)) {
    const found = samples.filter((sample) => sample.name === name);
    expect(found, name).not.toHaveLength(0);
    for (const sample of found) expect(Object.keys(sample.labels), name).toEqual(expect.arrayContaining([...labels]));
  }
}

function send(baseUrl: string, { method = 'POST', path, headers, body }: Shape): Promise<Answer> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const type = text === undefined ? {} : { 'content-type': 'application/json' };
    const call = request(new URL(path, baseUrl), { method, headers: { ...type, ...headers } }, (answer) => {
      const pieces: string[] = [];
      answer.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, pieces }));
      answer.once('error', reject);
    });
    call.once('error', reject);
    call.end(text);
  });
}
