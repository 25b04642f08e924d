import { parentPort } from 'node:worker_threads';
import { type RoutingJob, runRoutingJob } from './routing-job.ts';

parentPort?.on('message', (job: RoutingJob) => parentPort?.postMessage(runRoutingJob(job)));
