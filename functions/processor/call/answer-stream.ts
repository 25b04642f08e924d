import { StringDecoder } from 'node:string_decoder';

/** What a stream came to: the answer as it would have come whole, or why there is none. */
export type StreamEnd =
  | { readonly status: number; readonly body: Uint8Array }
  /** `cut`: it ended too early; `unreadable`: it is none that we know. */
  | { readonly fault: 'cut' | 'unreadable'; readonly message: string };

type Members = Record<string, unknown>;

/** An event of a stream as far as its members are known; all of it comes from the server. */
interface StreamEvent extends Members {
  readonly choices?: readonly StreamChoice[];
  readonly usage?: Members | null;
  readonly error?: Members;
}

interface StreamChoice extends Members {
  readonly delta?: Members;
  readonly text?: unknown;
}

/** An event is a token or a few of them; a longer line is none of a stream that we asked for. Derived: an event of a whole answer's length fits. */
const longestLine = 4 * 1024 * 1024;
const doneMark = '[DONE]';
/** Texts of a message; a stream brings them in pieces. */
const textNames = ['content', 'reasoning', 'reasoning_content', 'refusal'];
/** Protocol: what vLLM's whole answers have, without a value, where nothing was asked for. */
const emptyMessage = { refusal: null, annotations: null, audio: null, function_call: null, reasoning: null };
const emptyChoice = { logprobs: null, finish_reason: null, stop_reason: null, token_ids: null };
const emptyPrompt = { prompt_logprobs: null, prompt_token_ids: null };
const emptyAnswer = { kv_transfer_params: null, ec_transfer_params: null, metrics: null };
const emptyUsage = { prompt_tokens_details: null, completion_tokens_details: null };

/**
 * Puts a streamed chat or completion together, as the same request would have been answered whole. The pieces are joined as they come, so
 * that what is kept is about as large as the whole answer. Source: OpenAI's API, and vLLM's server.
 */
export class AnswerStream {
  readonly #onToken: () => void;
  readonly #decoder = new StringDecoder('utf8');
  #line = '';
  #data = '';
  #head: Members = {};
  #choice: Members = {};
  #message: Members = {};
  #texts = new Map<string, string[]>();
  #usage: Members | undefined;
  #isChat = false;
  #isDone = false;
  #end: StreamEnd | undefined;
  #sizeBytes = 0;

  /** `onToken` is called for each event that brings text. */
  constructor(onToken: () => void) {
    this.#onToken = onToken;
  }

  /** What is kept. */
  get sizeBytes(): number {
    return this.#sizeBytes + this.#line.length;
  }

  /** Reads the next piece. */
  push(piece: Uint8Array): void {
    if (this.#end) return;
    const lines = `${this.#line}${this.#decoder.write(piece as Buffer)}`.split('\n');
    this.#line = lines.pop()!;
    for (const line of lines) if (!this.#end) this.#readLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.#line.length + this.#data.length > longestLine) this.#fail('an event of the stream is too long');
  }

  /** The stream is over. */
  end(): StreamEnd {
    if (this.#end) return this.#end;
    if (!this.#isDone) return { fault: 'cut', message: 'the stream ended before its answer did' };
    if (this.#choice.finish_reason == null)
      return { fault: 'unreadable', message: 'the stream tells no end of its answer' };
    return { status: 200, body: Buffer.from(JSON.stringify(this.#isChat ? this.#chat() : this.#completion())) };
  }

  #readLine(line: string): void {
    if (line.startsWith('data:')) this.#data += line.slice(line[5] === ' ' ? 6 : 5);
    if (line !== '' || this.#data === '') return;
    const data = this.#data;
    this.#data = '';
    if (data.trim() === doneMark) this.#isDone = true;
    else this.#readEvent(data);
  }

  #readEvent(data: string): void {
    let event: StreamEvent;
    try {
      event = JSON.parse(data) as StreamEvent;
    } catch {
      this.#fail('an event of the stream is no JSON');
      return;
    }
    if (event?.error) this.#end = { status: statusOf(event.error), body: Buffer.from(data) };
    else if (!Array.isArray(event?.choices)) this.#fail('an event of the stream is none of an answer');
    else this.#take(event as StreamEvent & { choices: readonly StreamChoice[] });
  }

  #take({ choices, usage, object, ...head }: StreamEvent & { readonly choices: readonly StreamChoice[] }): void {
    this.#isChat ||= object === 'chat.completion.chunk';
    if (usage) this.#usage = usage;
    merge(this.#head, head);
    if (choices.length === 0) return;
    const { delta, text, ...choice } = choices[0]!;
    if (choices.length > 1 || (choice.index ?? 0) !== 0 || hasCalls(delta)) {
      this.#fail('the stream tells more than one text');
      return;
    }
    merge(this.#choice, choice);
    const pieces = Object.entries({ ...delta, ...(text === undefined ? {} : { text }) });
    const texts = pieces.filter(([name]) => name === 'text' || textNames.includes(name));
    merge(this.#message, Object.fromEntries(pieces.filter((piece) => !texts.includes(piece))));
    const hasText = texts.map(([name, piece]) => this.#append(name, piece)).includes(true);
    if (hasText) this.#onToken();
  }

  #append(name: string, piece: unknown): boolean {
    if (typeof piece !== 'string') return false;
    const pieces = this.#texts.get(name);
    if (pieces) pieces.push(piece);
    else this.#texts.set(name, [piece]);
    this.#sizeBytes += 2 * piece.length;
    return piece !== '';
  }

  #chat(): Members {
    const { content = '', ...texts } = this.#joined();
    const hasThoughts = Boolean(texts.reasoning ?? texts.reasoning_content);
    const message = {
      role: 'assistant',
      content: content === '' && hasThoughts ? null : content,
      ...emptyMessage,
      ...this.#message,
      ...texts,
    };
    const choice = { index: 0, message, ...emptyChoice, routed_experts: null, ...this.#choice };
    return this.#whole('chat.completion', choice, { ...emptyPrompt, prompt_text: null });
  }

  #completion(): Members {
    const { text = '' } = this.#joined();
    const choice = { index: 0, text, ...emptyChoice, ...emptyPrompt, routed_experts: null, ...this.#choice };
    return this.#whole('text_completion', choice, {});
  }

  /** In the order of a whole answer; what is undefined is not written. */
  #whole(object: string, choice: Members, ofPrompt: Members): Members {
    const usage = this.#usage && { ...this.#usage, ...emptyUsage, ...this.#usage };
    const named = { id: undefined, object, created: undefined, model: undefined, choices: [choice] };
    return {
      ...named,
      service_tier: null,
      system_fingerprint: null,
      usage,
      ...ofPrompt,
      ...emptyAnswer,
      ...this.#head,
    };
  }

  #joined(): Record<string, string> {
    return Object.fromEntries([...this.#texts].map(([name, pieces]) => [name, pieces.join('')]));
  }

  #fail(message: string): void {
    this.#end = { fault: 'unreadable', message };
  }
}

/** Later values win, but for what a later event leaves out. */
function merge(into: Members, from: Members): void {
  for (const [name, value] of Object.entries(from)) if (value != null || !(name in into)) into[name] = value;
}

function hasCalls(delta: Members | undefined): boolean {
  const calls = delta?.tool_calls;
  return (Array.isArray(calls) && calls.length > 0) || delta?.function_call != null;
}

/** The status with which the error would have come before the stream. Protocol: vLLM writes it as `code`. */
function statusOf({ code }: Members): number {
  return Number.isInteger(code) && (code as number) >= 400 && (code as number) < 600 ? (code as number) : 500;
}
