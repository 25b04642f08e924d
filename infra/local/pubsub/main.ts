import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { decimal, integer, text } from '../../../shared/runtime/config/variables.ts';
import { createGrpcFace } from './api/grpc-server.ts';
import { createMethods } from './api/methods.ts';
import { metricsPage } from './api/metrics-page.ts';
import { listenOnOnePort } from './api/one-port.ts';
import { createRestServer } from './api/rest-server.ts';
import { Backlog } from './broker/backlog.ts';
import { Broker } from './broker/broker.ts';
import { Database } from './broker/database.ts';
import { Catalog } from './catalog/catalog.ts';
import { createStreamingPull } from './pull/streaming-pull.ts';
import { createPushClient } from './push/push-client.ts';
import { PushFlows } from './push/push-flows.ts';
import { createPushTokens } from './push/push-tokens.ts';
import { openSigningKey, publicJwk } from './push/signing-key.ts';
import { serverClock as clock } from './server-clock.ts';

const mebibyte = 1024 * 1024;
const expireEveryMs = 60_000;

const { flags } = readCommandLine(
  {
    usage: 'npm run local:pubsub --',
    about:
      'Google Pub/Sub on this machine: topics, pull, streaming pull and push; gRPC for the official clients (PUBSUB_EMULATOR_HOST=127.0.0.1:PORT) and REST for curl and gcloud (CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=http://127.0.0.1:PORT/), on one port of loopback. GET /certs has the certificates of its push tokens by key id, GET /certs/jwks the same keys as a JWK set, GET /metrics the backlog of each subscription. It has no ordering, exactly-once delivery, snapshots, seek, schemas or exports, and says so when asked for them.',
    flags: {
      port: integer('--port', { default: '8085', max: 65_535, meaning: 'where to listen; 0 takes a free port' }),
      data: text('--data', {
        meaning:
          'SQLite file that keeps everything accepted and not acked, also over kill -9; without it all is in memory and gone at the end',
      }),
      maxBacklogMb: integer('--max-backlog-mb', {
        min: 1,
        meaning:
          'MiB of messages that may wait; beyond it a publish gets RESOURCE_EXHAUSTED (default 1024 in memory, 102400 with --data)',
      }),
      duplicateRate: decimal('--duplicate-rate', {
        default: '0',
        max: 1,
        meaning: 'share of deliveries made twice, the second within a second of the first; each wants its own ack',
      }),
      dropResponseRate: decimal('--drop-response-rate', {
        default: '0',
        max: 1,
        meaning:
          "share of push responses that get lost: the message is delivered again, whatever the endpoint's answer was",
      }),
      delayMs: integer('--delay-ms', { default: '0', meaning: 'milliseconds from a publish to its first delivery' }),
    },
  },
  process.argv.slice(2),
);

const database = openDatabase();
const catalog = new Catalog(database);
const knobs = { duplicateRate: flags.duplicateRate, delayMs: flags.delayMs, random: Math.random };
const maxBacklogBytes = (flags.maxBacklogMb ?? (flags.data ? 102_400 : 1024)) * mebibyte;
const backlog = new Backlog(database);
const broker = new Broker(database, backlog, catalog, clock, knobs, maxBacklogBytes);
const signingKey = await openSigningKey(database, clock.unixMs());
const pushClient = createPushClient(createPushTokens(signingKey, clock), clock);

const methods = createMethods(catalog, broker, clock);
const documents = {
  '/certs': { [signingKey.kid]: signingKey.certificate },
  '/certs/jwks': { keys: [publicJwk(signingKey)] },
};
const pages = { '/metrics': () => metricsPage({ catalog, backlog, broker }, clock.unixMs()) };
const http = createRestServer(methods, documents, pages, reportFault);
const grpc = createGrpcFace(methods, createStreamingPull(catalog, broker, clock), reportFault);
const listener = await listenOnOnePort(flags.port, grpc, http).catch((error: Error) =>
  fail(new Error(`--port ${flags.port}: ${error.message}`)),
);

broker.releasePushes();
const losesAnswer = () => Math.random() < flags.dropResponseRate;
const pushFlows = new PushFlows(catalog, { broker, clock, send: pushClient.send, losesAnswer });
const expiry = setInterval(() => broker.expire(), expireEveryMs);
process.stdout.write(
  `Pub/Sub listening on http://127.0.0.1:${listener.port} ${flags.data ? `with its data in ${flags.data}` : 'in memory'}\n`,
);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);

async function stop(): Promise<void> {
  clearInterval(expiry);
  pushFlows.stop();
  pushClient.close();
  grpc.stop();
  await listener.close();
  broker.close();
  database.close();
}

function openDatabase(): Database {
  try {
    return new Database(flags.data, clock);
  } catch (error) {
    return fail(new Error(`--data ${flags.data}: ${(error as Error).message}`));
  }
}

function reportFault(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
