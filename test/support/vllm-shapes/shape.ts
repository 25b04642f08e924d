import { expect } from 'vitest';

/** The server that a table is held against. */
export interface ShapedServer {
  /** The one model that it serves. */
  readonly model: string;
  /** Longest prompt and answer together. */
  readonly maxModelTokens: number;
}

/** One request, and what vLLM answers to it. */
export interface Shape {
  readonly name: string;
  /** POST where it does not say. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or a text that is sent as it is. */
  readonly body?: object | string;
  readonly status: number;
  /** Headers that the answer has, and those, `undefined`, that it lacks. */
  readonly answerHeaders?: Readonly<Record<string, unknown>>;
  /** What a JSON answer matches; fields that are not named may be there. */
  readonly json?: object;
  /** Fields, as `usage.prompt_tokens_details`, that are nowhere in the JSON answer or in any event. */
  readonly absent?: readonly string[];
  /** All events of a stream, in order, each in an HTTP chunk of its own. */
  readonly events?: readonly EventShape[];
  /** Series that a page of metrics has, and the labels that each has at least. */
  readonly series?: Readonly<Record<string, readonly string[]>>;
}

export interface EventShape {
  /** Its `event:` line; without one it has none. */
  readonly event?: string;
  /** What its JSON matches, or its text. */
  readonly data: object | string;
}

/** Requests that a server with these flags answers so. */
export interface ShapeGroup {
  readonly name: string;
  /** What the model can do: a real vLLM serves other paths for each. */
  readonly serves: 'generation' | 'embedding' | 'classification';
  readonly flags: readonly string[];
  readonly shapes: (server: ShapedServer) => readonly Shape[];
}

/** The end of a stream of chats or completions. */
export const done: EventShape = { data: '[DONE]' };

export const anyText = expect.any(String);
export const anyNumber = expect.any(Number);

/** vLLM's error body; texts that say what is wrong in a field are matched in part. */
export function errorBody(status: number, type: string, param: unknown, message: unknown = anyText): object {
  return { error: { message, type, param, code: status } };
}

/** The same in Anthropic's shape. */
export function anthropicError(type: string, message: unknown = anyText): object {
  return { type: 'error', error: { type, message } };
}

export const busy =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';
