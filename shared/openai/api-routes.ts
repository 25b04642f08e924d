/** Names of the token counts in an answer's `usage` object. The cached count stands in an object inside it. */
export interface UsageKeys {
  /** Tokens of the prompt. */
  readonly prompt: string;
  /** Generated tokens. */
  readonly completion: string;
  /** Prompt tokens that were found in the prefix cache. */
  readonly cached: string;
}

/** What an API route is: everything that this project knows of it. */
export interface ApiRoute {
  /** Compared exactly, without the query. */
  readonly path: string;
  /** Keys of the body that may hold the prompt; the first one that the body has counts. */
  readonly promptKeys: readonly string[];
  /** Keys of the body that limit the answer's tokens; the first one with a whole number above 0 counts. */
  readonly outputLimitKeys: readonly string[];
  readonly usageKeys: UsageKeys;
  /** Whether `"stream": true` makes the answer a stream of server-sent events. */
  readonly mayStream: boolean;
  /** Whether the model generates tokens; it only reads the prompt otherwise. */
  readonly generates: boolean;
  /** Keys of the body that ask for several answers to one prompt; the largest of their numbers counts. */
  readonly answerCountKeys: readonly string[];
  /** Keys of the body under which a list is many prompts, with an answer to each. */
  readonly promptListKeys: readonly string[];
  /** Whether async messages may use the route where `ALLOWED_ENDPOINTS` is not set. */
  readonly asyncByDefault: boolean;
  /** An async message without an endpoint is for this route when its payload has this key. The order of the routes decides between two. */
  readonly impliedByKey?: string;
}

const chatUsage: UsageKeys = { prompt: 'prompt_tokens', completion: 'completion_tokens', cached: 'cached_tokens' };

/** What the routes have in common by which a model server reads a text and generates none. Protocol: vLLM's pooling and tokenizer APIs. */
const readsOnly = {
  outputLimitKeys: [],
  usageKeys: chatUsage,
  mayStream: false,
  generates: false,
  answerCountKeys: [],
  asyncByDefault: false,
} as const;

/**
 * The inference routes that the gateway serves and that async messages may use. A new route is a new entry here.
 * Sources: OpenAI's and Anthropic's API references, and vLLM's server.
 */
export const apiRoutes = {
  chatCompletions: {
    path: '/v1/chat/completions',
    promptKeys: ['messages'],
    outputLimitKeys: ['max_completion_tokens', 'max_tokens'],
    usageKeys: chatUsage,
    mayStream: true,
    generates: true,
    answerCountKeys: ['n'],
    promptListKeys: [],
    asyncByDefault: true,
    impliedByKey: 'messages',
  },
  completions: {
    path: '/v1/completions',
    promptKeys: ['prompt'],
    outputLimitKeys: ['max_tokens'],
    usageKeys: chatUsage,
    mayStream: true,
    generates: true,
    answerCountKeys: ['n', 'best_of'],
    promptListKeys: ['prompt'],
    asyncByDefault: true,
    impliedByKey: 'prompt',
  },
  embeddings: {
    path: '/v1/embeddings',
    // vLLM embeds a whole conversation where there are messages.
    promptKeys: ['input', 'messages'],
    outputLimitKeys: [],
    usageKeys: chatUsage,
    mayStream: false,
    generates: false,
    answerCountKeys: [],
    promptListKeys: ['input'],
    asyncByDefault: true,
    impliedByKey: 'input',
  },
  responses: {
    path: '/v1/responses',
    promptKeys: ['input'],
    outputLimitKeys: ['max_output_tokens'],
    usageKeys: { prompt: 'input_tokens', completion: 'output_tokens', cached: 'cached_tokens' },
    mayStream: true,
    generates: true,
    answerCountKeys: [],
    promptListKeys: [],
    asyncByDefault: true,
  },
  messages: {
    path: '/v1/messages',
    promptKeys: ['system', 'messages'],
    outputLimitKeys: ['max_tokens'],
    usageKeys: { prompt: 'input_tokens', completion: 'output_tokens', cached: 'cache_read_input_tokens' },
    mayStream: true,
    generates: true,
    answerCountKeys: [],
    promptListKeys: [],
    asyncByDefault: false,
  },
  rerank: { ...readsOnly, path: '/v1/rerank', promptKeys: ['query'], promptListKeys: ['documents'] },
  score: { ...readsOnly, path: '/v1/score', promptKeys: ['text_1', 'data_1'], promptListKeys: ['text_2', 'data_2'] },
  classify: { ...readsOnly, path: '/v1/classify', promptKeys: ['input', 'messages'], promptListKeys: ['input'] },
  pooling: { ...readsOnly, path: '/pooling', promptKeys: ['input', 'messages'], promptListKeys: ['input'] },
  tokenize: { ...readsOnly, path: '/tokenize', promptKeys: ['messages', 'prompt'], promptListKeys: [] },
  detokenize: { ...readsOnly, path: '/detokenize', promptKeys: ['tokens'], promptListKeys: [] },
} as const satisfies Readonly<Record<string, ApiRoute>>;

/** All routes, in the order of the table. */
export const everyApiRoute: readonly ApiRoute[] = Object.values(apiRoutes);

/** The paths that a message may ask for where `ALLOWED_ENDPOINTS` does not say others. */
export const asyncByDefault: readonly string[] = everyApiRoute
  .filter((route) => route.asyncByDefault)
  .map(({ path }) => path);

/** Whether a request's URL is meant for the API, served or not: `/v1/…`, or a route of the table, with or without a query. */
export function isApiUrl(url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  return path.startsWith('/v1/') || everyApiRoute.some((route) => route.path === path);
}
