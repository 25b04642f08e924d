import { Server, ServerCredentials } from '@grpc/grpc-js';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { custom, integer, seconds } from '../../../shared/runtime/config/variables.ts';
import { metricService, metricServiceDefinition } from './api/metric-service.ts';
import { readLabels, readPageUrls } from './scrape/scrape-flags.ts';
import { resourceLabelNames, type Target } from './scrape/scraped-samples.ts';
import { scrape } from './scrape/scraper.ts';
import { SeriesStore } from './series/series-store.ts';

const { flags } = readCommandLine(
  {
    usage: 'npm run local:monitoring --',
    about:
      'A local Cloud Monitoring: google.monitoring.v3 MetricService over plaintext gRPC on loopback, fed from Prometheus pages.',
    flags: {
      port: integer('--port', { required: true, max: 65535, meaning: 'on loopback; 0 takes a free one' }),
      pages: custom(
        '--scrape',
        { meaning: 'URLs of Prometheus pages, comma-separated; without a path, /metrics' },
        readPageUrls,
      ),
      intervalMs: seconds('--interval-seconds', { default: '60', min: 0.05, meaning: 'how often each page is read' }),
      delayMs: seconds('--delay-seconds', {
        default: '0',
        meaning: 'how long a scraped point stays unseen; Google takes up to 240',
      }),
      labels: custom(
        '--label',
        {
          meaning: `NAME=VALUE, comma-separated; ${resourceLabelNames.join(', ')} name the resource, others the metric`,
        },
        readLabels,
      ),
    },
  },
  process.argv.slice(2),
);

// At the limit the points take 90 MB: an hour of each series at the pace of five seconds.
const store = new SeriesStore({ maxSeries: 4000, maxPointsPerSeries: 720 });
const server = new Server({ 'grpc.max_send_message_length': -1 });
server.addService(metricServiceDefinition(), metricService(store, Date.now));
const address = `127.0.0.1:${flags.port}`;
const port = await new Promise<number>((bound, failed) => {
  server.bindAsync(address, ServerCredentials.createInsecure(), (error, boundTo) =>
    error ? failed(error) : bound(boundTo),
  );
}).catch((error: Error) => {
  process.stderr.write(`--port ${flags.port}: ${error.message}\n`);
  process.exit(1);
});

const ending = new AbortController();
for (const url of flags.pages ?? []) {
  void scrape({
    url,
    target: target(url),
    intervalMs: flags.intervalMs,
    take: (samples, atMs) => {
      for (const sample of samples) store.addScraped(sample, atMs, flags.delayMs);
    },
    report: (line) => process.stdout.write(`${line}\n`),
    signal: ending.signal,
  });
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    ending.abort();
    server.forceShutdown();
  });
}
process.stdout.write(`monitoring listening on http://127.0.0.1:${port}\n`);

function target(url: string): Target {
  const given = Object.entries(flags.labels ?? {});
  const ofResource = ([name]: [string, string]) => (resourceLabelNames as readonly string[]).includes(name);
  return {
    resourceLabels: {
      project_id: 'local',
      location: 'local',
      cluster: 'local',
      namespace: 'default',
      job: 'local',
      instance: new URL(url).host,
      ...Object.fromEntries(given.filter(ofResource)),
    },
    metricLabels: Object.fromEntries(given.filter((pair) => !ofResource(pair))),
  };
}
