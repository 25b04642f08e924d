import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sequence } from '../engine/sequence.ts';
import type { EngineService, Job } from '../engine-service.ts';
import { type Fault, readFaultHeader, requestedFailure } from '../faults/fault-header.ts';
import { RequestFault } from '../faults/request-fault.ts';
import { type Answer, planAnswer, tooLong } from './answer.ts';
import { type AnswerWriter, StreamWriter, sendWhole, WholeWriter } from './answer-writer.ts';
import { embeddingBody } from './embedding.ts';
import { type Generation, type Json, readChat, readCompletion, readEmbedding, readResponse } from './generation.ts';
import { readJson } from './read-json.ts';
import { responsesWire } from './responses-wire.ts';
import { hashBlocks, tokenEnds } from './tokenizer.ts';
import { chatWire, completionWire, type Wire, type WireHead } from './wire.ts';

export interface InferenceOptions {
  readonly service: EngineService;
  readonly model: string;
  /** Longest prompt and answer together. */
  readonly maxModelTokens: number;
  /** Tokens in a block of the KV cache. */
  readonly blockTokens: number;
  /** Share of requests that fail, and how. */
  readonly failRate: number;
  readonly failStatus: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly nowSeconds: () => number;
}

/** A request that has been read and may be answered. */
interface Call {
  readonly body: Json;
  readonly fault: Fault | undefined;
  readonly head: Omit<WireHead, 'includeUsage'>;
  readonly response: ServerResponse;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The endpoints that compute, by path. */
export function inferenceHandlers(options: InferenceOptions): ReadonlyMap<string, Handler> {
  let calls = 0;

  const accept = async (prefix: string, request: IncomingMessage, response: ServerResponse): Promise<Call> => {
    const body = await readJson(request);
    const fault = readFaultHeader(request.headers['x-fault']?.toString());
    if (fault?.kind === 'status') throw requestedFailure(fault.status);
    if (options.random() < options.failRate) throw requestedFailure(options.failStatus);
    const { model = options.model } = body;
    if (model !== options.model) {
      throw new RequestFault(404, 'NotFoundError', `The model \`${model}\` does not exist.`, 'model');
    }
    const id = `${prefix}-${request.headers['x-request-id'] ?? (++calls).toString(16).padStart(8, '0')}`;
    return { body, fault, head: { id, model: options.model, created: Math.floor(options.nowSeconds()) }, response };
  };

  const generate =
    (prefix: string, read: (body: Json) => Generation, wireFor: (head: WireHead) => Wire): Handler =>
    async (request, response) => {
      const call = await accept(prefix, request, response);
      const generation = read(call.body);
      const answer = planAnswer(generation, options.maxModelTokens, options.blockTokens);
      if (call.fault?.kind === 'hang') return;
      const wire = wireFor({ ...call.head, includeUsage: generation.includeUsage });
      const writer = new (generation.stream ? StreamWriter : WholeWriter)(response, wire, answer, call.fault);
      abandonOnClose(response, options.service, [
        options.service.submit(generationJob(answer, generation.priority, writer)),
      ]);
    };

  const embed: Handler = async (request, response) => {
    const { body, fault, head } = await accept('embd', request, response);
    const embedding = readEmbedding(body);
    const prompts = embedding.texts.map((text) => ({ text, ends: tokenEnds(text) }));
    const longest = Math.max(...prompts.map(({ ends }) => ends.length));
    if (longest > options.maxModelTokens) throw tooLong(options.maxModelTokens, longest, undefined);
    if (fault?.kind === 'hang') return;
    let left = prompts.length;
    const promptTokens = prompts.reduce((sum, { ends }) => sum + ends.length, 0);
    const onEnd = () => {
      if (--left === 0) sendWhole(response, embeddingBody({ ...head, ...embedding, promptTokens }), fault);
    };
    const jobs = prompts.map(({ text, ends }): Job => {
      const blockHashes = hashBlocks(text, ends, options.blockTokens);
      const { priority } = embedding;
      const size = { promptTokens: ends.length, outputTokens: 0, blockHashes, priority };
      return { ...size, finishReason: 'stop', onToken: () => {}, onEnd };
    });
    abandonOnClose(
      response,
      options.service,
      jobs.map((job) => options.service.submit(job)),
    );
  };

  return new Map([
    ['/v1/chat/completions', generate('chatcmpl', readChat, chatWire)],
    ['/v1/completions', generate('cmpl', readCompletion, completionWire)],
    ['/v1/responses', generate('resp', readResponse, responsesWire)],
    ['/v1/embeddings', embed],
  ]);
}

function generationJob(answer: Answer, priority: number, writer: AnswerWriter): Job {
  const { promptTokens, blockHashes, finishReason } = answer;
  const outputTokens = answer.tokens.length;
  return {
    promptTokens,
    outputTokens,
    blockHashes,
    priority,
    finishReason,
    onToken: ({ generatedTokens }) => {
      if (generatedTokens < outputTokens) writer.generated(generatedTokens, undefined);
    },
    onEnd: ({ cachedTokens }) =>
      writer.generated(outputTokens, { finishReason, promptTokens, cachedTokens, completionTokens: outputTokens }),
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
