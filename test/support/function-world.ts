import { until } from './poll.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { connectPubSub } from './pubsub.ts';
import { startScriptedUpstream } from './scripted-upstream.ts';

/** A message as Pub/Sub published it. */
export interface Published {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Pushed {
  readonly data?: unknown;
  readonly messageId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly subscription?: string;
  readonly publishTime?: string;
  readonly signal?: AbortSignal;
}

/** The function between a local Pub/Sub and a scripted upstream; the scenario plays the part of push. */
export async function startFunctionWorld(environment: Readonly<Record<string, string>> = {}) {
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  const published: Record<string, Published[]> = {};
  for (const topic of ['results', 'retries', 'dead']) {
    await bus.createTopic(topic);
    const taken: Published[] = [];
    published[topic] = taken;
    await bus.collect(topic, ({ data, attributes }) => taken.push({ data, attributes }));
  }
  const upstream = await startScriptedUpstream();
  const start = (changed: Readonly<Record<string, string>> = {}, script = 'functions/processor/main.ts') =>
    startProcess(script, [], {
      ...bus.environment,
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'debug',
      INFERENCE_GATEWAY_URL: upstream.url,
      RESULT_TOPIC: 'results',
      RETRY_TOPIC: 'retries',
      DEAD_LETTER_TOPIC: 'dead',
      CAPACITY_SOURCES: 'none',
      ...environment,
      ...changed,
    });
  let service: RunningProcess = await start();
  let pushes = 0;
  const of = (topic: string, id: string): Published | undefined =>
    published[topic]?.find(({ attributes }) =>
      [attributes.id, attributes.resolved_id, attributes.original_message_id].includes(id),
    );
  return {
    pubsub,
    upstream,
    service: () => service,
    /** A function of its own, with other variables, or from another script. */
    async restart(changed: Readonly<Record<string, string>>, script?: string): Promise<void> {
      await service.kill('SIGKILL');
      service = await start(changed, script);
    },
    /** The status that answers one push. `data` is published as JSON, text or bytes. */
    async push(message: Pushed = {}): Promise<number> {
      pushes += 1;
      const { data = { model: 'm', messages: [] }, subscription = 'projects/test/subscriptions/s', signal } = message;
      const bytes = Buffer.from(typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data));
      const body = {
        message: {
          data: bytes.toString('base64'),
          messageId: message.messageId ?? `message-${pushes}`,
          publishTime: message.publishTime ?? new Date().toISOString(),
          attributes: message.attributes ?? {},
        },
        subscription,
      };
      const response = await fetch(service.url, {
        method: 'POST',
        body: JSON.stringify(body),
        ...(signal ? { signal } : {}),
      });
      return response.status;
    },
    /** The status that answers any body at all. */
    async post(body: string | Uint8Array, headers: Record<string, string> = {}, path = '/'): Promise<number> {
      const response = await fetch(`${service.url}${path}`, { method: 'POST', body: Buffer.from(body), headers });
      return response.status;
    },
    /** The first message on the topic with this id, once it is there. */
    arrived: (topic: string, id: string): Promise<Published> =>
      until(() => of(topic, id), { what: `${id} on ${topic}` }),
    has: (topic: string, id: string): boolean => of(topic, id) !== undefined,
    published: (topic: string): readonly Published[] => published[topic] ?? [],
    async metric(line: RegExp): Promise<number> {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const found = text.split('\n').find((candidate) => line.test(candidate));
      return Number(found?.split(' ').at(-1) ?? Number.NaN);
    },
    async close(): Promise<void> {
      upstream.close();
      await bus.close();
    },
  };
}

export type FunctionWorld = Awaited<ReturnType<typeof startFunctionWorld>>;
