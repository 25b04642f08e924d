import { MeasuredReport, MeasuredTable } from '../support/measured.ts';
import { changes } from './picker/changes.ts';
import { costs } from './picker/cost.ts';
import { climb, describeStep, rates } from './picker/ladder.ts';
import { benchRouters, routerNames } from './picker/routers.ts';

const sizes = [
  { name: '1 KB', sizeBytes: 1024 },
  { name: '16 KB', sizeBytes: 16 * 1024 },
];
const stepName = (perSecond: number): string => `${perSecond} requests/s`;

const ladder = new MeasuredTable(
  'Prompts of 7,200 tokens of which 50 beginnings of 6,000 are shared, answers of 100 tokens, four simulated engines with 320,000 tokens of KV cache. TTFT mean / p90, and the share of the prompts that was cached:',
  ['', ...rates.map(stepName)],
  routerNames,
);
const change = new MeasuredTable(
  'Streams of 40 tokens, sixteen at once:',
  ['', ...changes.map(({ name }) => name)],
  routerNames,
);
const cost = new MeasuredTable(
  'CPU a request of router and Envoy together, engines that answer at once, 64 connections, every answer seen whole:',
  ['', ...sizes.map(({ name }) => name)],
  routerNames,
);

/** Ours over HTTP and behind Envoy, and llm-d’s picker behind Envoy, on the same simulated engines with the same requests. */
export async function run(): Promise<void> {
  const routers = benchRouters();
  const bySize = [];
  for (const { sizeBytes } of sizes) bySize.push(await costs(routers, sizeBytes));
  for (const router of routers) {
    cost.row(router.name, ...bySize.map((all) => `${all.get(router)?.toFixed(0)} µs`));
  }
  for (const router of routers) {
    const cells: string[] = [];
    for (const { measure } of changes) cells.push(await measure(router));
    change.row(router.name, ...cells);
  }
  for (const router of routers) {
    const cells: string[] = [];
    for (const rate of rates) cells.push(describeStep(await climb(router, rate)));
    ladder.row(router.name, ...cells);
  }
  new MeasuredReport('npm run bench -- picker', [ladder, change, cost]).write();
}
