export interface Received {
  readonly ackId: string;
  readonly message: { readonly data: string; readonly messageId: string; readonly attributes: Record<string, string> };
}

/** The fields that tests look at. */
interface Answer {
  readonly messageIds: string[];
  readonly receivedMessages?: Received[];
  readonly subscriptions: { readonly name: string }[];
  readonly nextPageToken: string;
}

/** A Pub/Sub server's REST API, in project p. */
export function restClient(baseUrl: string) {
  const call = async (verb: string, path: string, body?: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const options = { method: verb, ...(body === undefined ? {} : { body: text }) };
    const response = await fetch(`${baseUrl}/v1/projects/p/${path}`, options);
    return { status: response.status, body: (await response.json()) as Answer };
  };
  const succeed = async (...args: Parameters<typeof call>): Promise<Answer> => {
    const { status, body } = await call(...args);
    if (status !== 200) throw new Error(`${args[0]} ${args[1]}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  return {
    call,
    /** A topic and a subscription by the same id. */
    async create(id: string, subscription: object = {}): Promise<void> {
      await succeed('PUT', `topics/${id}`);
      await succeed('PUT', `subscriptions/${id}`, { topic: `projects/p/topics/${id}`, ...subscription });
    },
    /** The messages' ids. */
    async publish(id: string, texts: readonly string[]): Promise<string[]> {
      const messages = texts.map((text) => ({ data: Buffer.from(text).toString('base64') }));
      return (await succeed('POST', `topics/${id}:publish`, { messages })).messageIds;
    },
    async pull(id: string, returnImmediately = true): Promise<Received[]> {
      const body = { maxMessages: 1000, returnImmediately };
      return (await succeed('POST', `subscriptions/${id}:pull`, body)).receivedMessages ?? [];
    },
    /** JSON from beside the API. */
    async document<T>(path: string): Promise<T> {
      return (await (await fetch(`${baseUrl}${path}`)).json()) as T;
    },
  };
}
