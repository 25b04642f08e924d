import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission } from '../admission.ts';
import type { Sequence } from '../engine/sequence.ts';
import type { EngineService, Job } from '../engine-service.ts';
import { type AnswerFault, failAtOnce, readFaultHeader, requestedFailure } from '../faults/fault-header.ts';
import { messagesFault, RequestFault } from '../faults/request-fault.ts';
import type { FrontEnd } from '../front-end.ts';
import { type Answer, planAnswer, tooLong } from './answer.ts';
import { type AnswerWriter, StreamWriter, sendWhole, WholeWriter } from './answer-writer.ts';
import { type Json, readModel } from './fields.ts';
import { type Generation, readAnthropicMessages, readChat, readCompletion, readResponse } from './generation.ts';
import { messagesWire } from './messages-wire.ts';
import { type Pooling, readClassification, readEmbedding, readPooling, readRerank, readScore } from './pooling.ts';
import { readJson } from './read-json.ts';
import { responsesWire } from './responses-wire.ts';
import { countTokensAnswer, detokenizeAnswer, tokenizeAnswer } from './tokenize.ts';
import { hashBlocks, tokenEnds } from './tokenizer.ts';
import { chatWire, completionWire, type Wire, type WireHead } from './wire.ts';

/** What the inference routes are made from. */
export interface InferenceOptions {
  readonly service: EngineService;
  readonly admission: Admission;
  readonly frontEnd: FrontEnd;
  readonly model: string;
  /** Longest prompt and answer together. */
  readonly maxModelTokens: number;
  /** Tokens in a block of the KV cache. */
  readonly blockTokens: number;
  /** Whether `usage` tells what the prefix cache gave. */
  readonly promptTokensDetails: boolean;
  /** Tokens in an event of a stream. */
  readonly streamInterval: number;
  /** Share of requests that fail, and how. */
  readonly failRate: number;
  readonly failStatus: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly nowSeconds: () => number;
}

/** A request whose body has been read. */
interface Call {
  readonly body: Json;
  readonly fault: AnswerFault | undefined;
  readonly arrivedAtMs: number;
  /** Unix seconds. */
  readonly created: number;
  /** What follows the prefix of the answer's id. */
  readonly id: string;
}

/** Answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The endpoints that compute, by path. A real vLLM serves some of them, by its model; this one all. */
export function inferenceHandlers(options: InferenceOptions): ReadonlyMap<string, Handler> {
  const { service, admission, frontEnd, model, maxModelTokens } = options;
  let calls = 0;

  const accept = async (request: IncomingMessage): Promise<Call> => {
    const body = await readJson(request);
    const arrivedAtMs = service.nowMs();
    const fault = failAtOnce(readFaultHeader(request.headers['x-fault']?.toString()));
    if (options.random() < options.failRate) throw requestedFailure(options.failStatus);
    const id = `${request.headers['x-request-id'] ?? (++calls).toString(16).padStart(16, '0')}`;
    return { body, fault, arrivedAtMs, created: Math.floor(options.nowSeconds()), id };
  };

  const generate =
    (prefix: string, read: (body: Json) => Generation, wireFor: (head: WireHead) => Wire): Handler =>
    async (request, response) => {
      const call = await accept(request);
      const { fault, created } = call;
      const generation = read(call.body);
      checkModel(call.body, model, 'generating');
      const early = admission.refusal(1);
      if (early) throw early;
      const answer = planAnswer(generation, maxModelTokens, options.blockTokens);
      if (fault?.kind === 'hang') return;
      await frontEnd.takeRequest(answer.promptTokens);
      if (response.destroyed) return;
      const { includeUsage, stream, priority } = generation;
      const { promptTokens } = answer;
      const { promptTokensDetails, streamInterval: interval } = options;
      const id = `${prefix}${call.id}`;
      const wire = wireFor({ id, model, created, includeUsage, promptTokensDetails, promptTokens });
      const writer = new (stream ? StreamWriter : WholeWriter)(response, wire, { answer, fault, interval });
      const late = admission.refusal(1);
      if (late) return writer.refuse(late);
      const job = { ...generationJob(answer, writer), priority, arrivedAtMs: call.arrivedAtMs };
      abandonOnClose(response, service, [service.submit(job)]);
    };

  const pool =
    (prefix: string, read: (body: Json) => Pooling): Handler =>
    async (request, response) => {
      const { body, fault, arrivedAtMs, created, id } = await accept(request);
      const { texts, priority, answer } = read(body);
      checkModel(body, model, 'pooling');
      const prompts = texts.map((text) => promptOf(text, options.blockTokens));
      const longest = Math.max(...prompts.map(({ promptTokens }) => promptTokens));
      if (longest > maxModelTokens) throw tooLong(maxModelTokens, longest);
      if (fault?.kind === 'hang') return;
      const promptTokens = prompts.reduce((sum, prompt) => sum + prompt.promptTokens, 0);
      await frontEnd.takeRequest(promptTokens);
      if (response.destroyed) return;
      const refusal = admission.refusal(prompts.length);
      if (refusal) throw refusal;
      let left = prompts.length;
      const onEnd = () => {
        if (--left > 0) return;
        const head = { id: `${prefix}-${id}`, created, model };
        sendWhole(response, JSON.stringify(answer(head, promptTokens)), fault);
      };
      const rest = { outputTokens: 0, finishReason: 'stop', priority, arrivedAtMs, onToken: () => {}, onEnd } as const;
      abandonOnClose(
        response,
        service,
        prompts.map((prompt) => service.submit({ ...prompt, ...rest })),
      );
    };

  const count =
    (answerTo: (body: Json) => { tokens: number; answer: object }): Handler =>
    async (request, response) => {
      const { body, fault } = await accept(request);
      const { tokens, answer } = answerTo(body);
      checkModel(body, model, 'generating');
      if (fault?.kind === 'hang') return;
      await frontEnd.takeRequest(tokens);
      if (!response.destroyed) sendWhole(response, JSON.stringify(answer), fault);
    };

  const score = pool('score', readScore);
  const rerank = pool('score', readRerank);
  return new Map([
    ['/v1/chat/completions', generate('chatcmpl-', readChat, chatWire)],
    ['/v1/completions', generate('cmpl-', readCompletion, completionWire)],
    ['/v1/responses', generate('resp_', readResponse, responsesWire)],
    ['/v1/messages', inMessagesShape(generate('chatcmpl-', readAnthropicMessages, messagesWire))],
    ['/v1/messages/count_tokens', inMessagesShape(count(countTokensAnswer))],
    ['/v1/embeddings', pool('embd', readEmbedding)],
    ['/v1/score', score],
    ['/score', score],
    ['/v1/rerank', rerank],
    ['/v2/rerank', rerank],
    ['/rerank', rerank],
    ['/classify', pool('classify', readClassification)],
    ['/pooling', pool('pooling', readPooling)],
    ['/tokenize', count((body) => tokenizeAnswer(body, maxModelTokens))],
    ['/detokenize', count(detokenizeAnswer)],
  ]);
}

/** @throws {RequestFault} 404 for another model; absent it is the one that is served */
function checkModel(body: Json, served: string, kind: 'generating' | 'pooling'): void {
  const asked = readModel(body) ?? served;
  if (asked === served) return;
  const message = `The model \`${asked}\` does not exist.`;
  if (kind === 'pooling') throw new RequestFault(404, 'NotFoundError', message);
  throw new RequestFault(404, 'NotFoundError', `${message} Valid aliases: ${served}.`, 'model');
}

function promptOf(text: string, blockTokens: number) {
  const ends = tokenEnds(text);
  // A text without tokens still has the special ones of its model.
  return { promptTokens: Math.max(1, ends.length), blockHashes: hashBlocks(text, ends, blockTokens) };
}

function generationJob(answer: Answer, writer: AnswerWriter): Omit<Job, 'priority' | 'arrivedAtMs'> {
  const { promptTokens, blockHashes, finishReason } = answer;
  const outputTokens = answer.tokens.length;
  return {
    promptTokens,
    outputTokens,
    blockHashes,
    finishReason,
    onToken: ({ generatedTokens }) => {
      if (generatedTokens < outputTokens) writer.generated(generatedTokens, undefined);
    },
    onEnd: ({ cachedTokens }) =>
      writer.generated(outputTokens, { finishReason, promptTokens, cachedTokens, completionTokens: outputTokens }),
  };
}

function inMessagesShape(handler: Handler): Handler {
  return async (request, response) => {
    try {
      await handler(request, response);
    } catch (error) {
      throw error instanceof RequestFault ? messagesFault(error) : error;
    }
  };
}

/** A client that leaves takes its sequences with it. */
function abandonOnClose(response: ServerResponse, service: EngineService, sequences: readonly Sequence<Job>[]): void {
  const abandon = () => {
    for (const sequence of sequences) service.abandon(sequence);
  };
  if (response.destroyed) abandon();
  else response.once('close', abandon);
}
