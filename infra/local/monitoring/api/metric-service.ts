import { createRequire } from 'node:module';
import {
  loadPackageDefinition,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { aggregate } from '../series/aggregate.ts';
import { parseFilter, singleMetricType } from '../series/filter.ts';
import type { SeriesStore } from '../series/series-store.ts';
import { InvalidArgument, type SeriesIdentity } from '../series/time-series.ts';
import { cutPage, readPageToken } from './page.ts';
import {
  readAggregation,
  readInterval,
  readTimeSeries,
  type WireAggregation,
  type WireInterval,
  type WireTimeSeries,
  wireTimeSeries,
} from './wire.ts';

interface ListTimeSeriesRequest {
  readonly name: string;
  readonly filter: string;
  readonly interval: WireInterval | null;
  readonly aggregation: WireAggregation | null;
  readonly secondaryAggregation: WireAggregation | null;
  readonly orderBy: string;
  readonly view: 'FULL' | 'HEADERS';
  readonly pageSize: number;
  readonly pageToken: string;
}

interface ListMetricDescriptorsRequest {
  readonly name: string;
  readonly filter: string;
}

interface CreateTimeSeriesRequest {
  readonly name: string;
  readonly timeSeries: readonly WireTimeSeries[];
}

const mostSeriesAWrite = 200;

/** The definition of google.monitoring.v3.MetricService, from the protos that the official client brings along. */
export function metricServiceDefinition() {
  const json = createRequire(import.meta.url)('@google-cloud/monitoring/build/protos/protos.json');
  const definition = fromJSON(json, { longs: Number, enums: String, defaults: true, oneofs: true });
  const service = (definition['google.monitoring.v3.MetricService'] ?? {}) as Parameters<
    typeof loadPackageDefinition
  >[0][string];
  return (loadPackageDefinition({ MetricService: service }).MetricService as ServiceClientConstructor).service;
}

/** Every project name is answered from the same series. */
export function metricService(store: SeriesStore, now: () => number): UntypedServiceImplementation {
  function listTimeSeries(request: ListTimeSeriesRequest) {
    requireProject(request.name);
    if (request.orderBy) throw new InvalidArgument('orderBy must be left out');
    if (request.secondaryAggregation) throw new InvalidArgument('secondaryAggregation is not offered here');
    const filter = parseFilter(request.filter);
    singleMetricType(filter);
    const interval = readInterval(request.interval);
    const aggregation = readAggregation(request.aggregation);
    const start = readPageToken(request.pageToken) ?? { offset: 0, asOfMs: now() };
    const raw = store.read(filter, interval, start.asOfMs);
    const series = aggregation ? aggregate(raw, aggregation, interval) : raw;
    const page = cutPage(series, request.view === 'HEADERS' ? 'series' : 'points', request.pageSize, start);
    return { timeSeries: page.series.map(wireTimeSeries), nextPageToken: page.nextPageToken };
  }

  function listMetricDescriptors(request: ListMetricDescriptorsRequest) {
    requireProject(request.name);
    const filter = request.filter === '' ? undefined : parseFilter(request.filter);
    return { metricDescriptors: store.metricTypes(filter).map((identity) => descriptor(request.name, identity)) };
  }

  function createTimeSeries(request: CreateTimeSeriesRequest) {
    requireProject(request.name);
    if (request.timeSeries.length > mostSeriesAWrite) {
      throw new InvalidArgument(`at most ${mostSeriesAWrite} time series a write`);
    }
    for (const { identity, point } of request.timeSeries.map(readTimeSeries)) store.addWritten(identity, point);
    return {};
  }

  return {
    ListTimeSeries: answering(listTimeSeries),
    ListMetricDescriptors: answering(listMetricDescriptors),
    CreateTimeSeries: answering(createTimeSeries),
  };
}

function answering<Request, Answer>(answer: (request: Request) => Answer) {
  return (call: ServerUnaryCall<Request, Answer>, done: sendUnaryData<Answer>): void => {
    try {
      done(null, answer(call.request));
    } catch (error) {
      const code = error instanceof InvalidArgument ? status.INVALID_ARGUMENT : status.INTERNAL;
      done({ code, details: (error as Error).message });
    }
  };
}

function requireProject(name: string): void {
  if (!/^projects\/[^/]+$/.test(name)) throw new InvalidArgument('name must be projects/PROJECT');
}

function descriptor(project: string, { metric, metricKind, valueType }: SeriesIdentity) {
  return {
    name: `${project}/metricDescriptors/${metric.type}`,
    type: metric.type,
    metricKind,
    valueType,
    labels: Object.keys(metric.labels).map((key) => ({ key, valueType: 'STRING' })),
  };
}
