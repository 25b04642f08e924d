import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerStream } from '../../../../functions/processor/call/answer-stream.ts';
import { chatWire, completionWire, type Wire, type WireHead } from '../../../../infra/local/model-server/api/wire.ts';

const head: WireHead = {
  id: 'chatcmpl-1',
  model: 'm',
  created: 1_795_460_000,
  includeUsage: true,
  promptTokensDetails: false,
  promptTokens: 12,
};
const end = (completionTokens: number, finishReason: 'stop' | 'length' = 'stop') => {
  return { finishReason, promptTokens: 12, cachedTokens: 0, completionTokens };
};

/** What the stream of these pieces comes to, and how many tokens were told. */
function read(pieces: readonly (string | Uint8Array)[]) {
  let tokens = 0;
  const stream = new AnswerStream(() => {
    tokens += 1;
  });
  for (const piece of pieces) stream.push(Buffer.from(piece as string));
  const came = stream.end();
  return 'body' in came
    ? { status: came.status, text: Buffer.from(came.body).toString(), tokens }
    : { fault: came.fault, message: came.message, tokens };
}
function eventsOf(wire: Wire, texts: readonly string[], finishReason?: 'stop' | 'length'): string[] {
  const last = end(texts.length, finishReason);
  return [
    ...wire.greeting(),
    ...wire.opening(),
    ...texts.map((text, index) => wire.delta(text, index === texts.length - 1 ? last : undefined)),
    ...wire.closing(texts.join(''), last),
  ];
}
const chunk = (choice: object, rest: object = {}) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, ...choice }], ...rest })}\n\n`;
const done = 'data: [DONE]\n\n';
const finish = chunk({ delta: {}, finish_reason: 'stop' });
const messageOf = (events: readonly string[]) => {
  const { text } = read([...events, finish, done]) as { readonly text: string };
  return (JSON.parse(text) as { choices: { message: object }[] }).choices[0]!.message;
};

describe('put together, a stream is the whole answer', () => {
  const wires: [string, (head: WireHead) => Wire][] = [
    ['chat', chatWire],
    ['completion', completionWire],
  ];
  test.each(wires)('%s, to the byte', (_, wireOf) => {
    const wire = wireOf(head);
    const texts = ['Hel', 'lo ', 'wörld', ' \u{1f600}', '"\n'];
    expect(read(eventsOf(wire, texts))).toEqual({ status: 200, text: wire.whole(texts.join(''), end(5)), tokens: 5 });
  });
  test.each(wires)('%s, whatever its texts are, and wherever its bytes are cut', (_, wireOf) => {
    const wire = wireOf(head);
    const texts = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 20 });
    const cuts = fc.array(fc.nat(), { maxLength: 30 });
    fc.assert(
      fc.property(texts, cuts, fc.constantFrom('stop', 'length'), (each, at, reason) => {
        const bytes = Buffer.from(eventsOf(wire, each, reason).join(''));
        const places = [0, ...at.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
        expect(read(pieces)).toMatchObject({ status: 200, text: wire.whole(each.join(''), end(each.length, reason)) });
      }),
    );
  });
  test('with several tokens in one event', () => {
    const wire = chatWire(head);
    const events = [...wire.opening(), wire.delta('Hello wor'), wire.delta('ld', end(4)), ...wire.closing('', end(4))];
    expect(read(events)).toEqual({ status: 200, text: wire.whole('Hello world', end(4)), tokens: 2 });
  });
});

describe('of another server', () => {
  test('what is thought is kept apart, and without a word beside it there is no content', () => {
    const thoughts = ['I ', 'think'].map((reasoning) => chunk({ delta: { reasoning } }));
    expect(messageOf(thoughts)).toMatchObject({ role: 'assistant', content: null, reasoning: 'I think' });
    const words = chunk({ delta: { content: 'so' } });
    expect(messageOf([...thoughts, words])).toMatchObject({ content: 'so', reasoning: 'I think' });
    expect(messageOf([chunk({ delta: { reasoning_content: 'hm' } })])).toMatchObject({ reasoning_content: 'hm' });
  });
  test('what it tells of the answer is kept: stop reason, fingerprint, fields of its own', () => {
    const events = [
      chunk({ delta: { role: 'assistant', content: 'a' } }, { system_fingerprint: 'fp', own: { a: 1 } }),
      chunk({ delta: { content: 'b' }, finish_reason: 'stop', stop_reason: 7 }, { system_fingerprint: null }),
      done,
    ];
    const { text } = read(events) as { readonly text: string };
    expect(JSON.parse(text)).toMatchObject({
      object: 'chat.completion',
      system_fingerprint: 'fp',
      own: { a: 1 },
      choices: [{ message: { content: 'ab' }, finish_reason: 'stop', stop_reason: 7 }],
    });
    expect(JSON.parse(text)).not.toHaveProperty('usage');
  });
  test('lines may end with CR LF, have comments and names, and no blank after the colon', () => {
    const text = [chunk({ delta: { content: 'a' } }), finish, done]
      .join('')
      .replaceAll('data: ', ': ping\nevent: x\ndata:');
    expect(read([text.replaceAll('\n', '\r\n')])).toMatchObject({ status: 200, tokens: 1 });
  });
});

describe('an error in the stream is the answer', () => {
  const error = '{"error": {"message": "x", "type": "y", "param": null, "code": 400}}';
  test.each([
    ['before a token', [`data: ${error}\n\n`, done], 400],
    ['after some', [chunk({ delta: { content: 'a' } }), `data: ${error}\n\n`], 400],
    ['of no status', ['data: {"error":{"code":"evicted"}}\n\n'], 500],
    ['of a status that is none of errors', ['data: {"error":{"code":200}}\n\n'], 500],
  ])('%s', (_, events, status) => {
    const came = read(events);
    expect(came).toMatchObject({ status });
    expect(JSON.parse((came as { readonly text: string }).text)).toHaveProperty('error');
  });
});

describe('there is no answer', () => {
  const token = chunk({ delta: { content: 'a' } });
  test.each<[string, string[], string]>([
    ['of nothing', [], 'cut'],
    ['before its end', [token], 'cut'],
    ['with a reason to end, but no end', [token, finish], 'cut'],
    ['in an event that is not complete', [token, finish, 'data: [DONE]'], 'cut'],
    ['that tells no reason to end', [token, done], 'unreadable'],
    ['that is no JSON', ['data: {\n\n', finish, done], 'unreadable'],
    ['that is none of an answer', ['data: {"type":"message_start"}\n\n', finish, done], 'unreadable'],
    ['that is no object', ['data: null\n\n', finish, done], 'unreadable'],
    ['of two texts', [chunk({ index: 1, delta: { content: 'a' } }), finish, done], 'unreadable'],
    ['with calls of tools', [chunk({ delta: { tool_calls: [{}] } }), finish, done], 'unreadable'],
  ])('%s', (_, events, fault) => {
    expect(read(events)).toMatchObject({ fault });
  });
  test('in a line that never ends, and what is kept of it is bounded', () => {
    const stream = new AnswerStream(() => undefined);
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let count = 0; count < 64; count += 1) stream.push(piece);
    expect(stream.sizeBytes).toBeLessThan(8 * 1024 * 1024);
    expect(stream.end()).toMatchObject({ fault: 'unreadable' });
  });
  test('in an event of lines without end', () => {
    const stream = new AnswerStream(() => undefined);
    const piece = Buffer.from(`data: ${'x'.repeat(1024 * 1024)}\n`);
    for (let count = 0; count < 64; count += 1) stream.push(piece);
    expect(stream.end()).toMatchObject({ fault: 'unreadable' });
  });
});

test('what is kept grows with the text, not with the events around it', () => {
  const stream = new AnswerStream(() => undefined);
  for (let token = 0; token < 10_000; token += 1) stream.push(Buffer.from(chunk({ delta: { content: 'ab' } })));
  expect(stream.sizeBytes).toBeLessThan(50_000);
});
