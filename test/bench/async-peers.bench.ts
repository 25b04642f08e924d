import { MeasuredReport, MeasuredTable } from '../support/measured.ts';
import { backfill, llmDAsync } from '../support/trials/processors.ts';
import { trials } from '../support/trials/trials.ts';
import { backlogBesideChats, chatsAlone, messages } from './async-peers/backlog.ts';
import { deadlinesMet } from './async-peers/deadlines.ts';
import { benchRouters } from './picker/routers.ts';

const kills = trials.find(({ name }) => name.startsWith('kill -9'))!;
const killsTable = new MeasuredTable(
  `${kills.name}:`,
  ['', 'answered', 'lost', 'answered twice', 'last result after the last kill'],
  ['Backfill', 'llm-d-async'],
);
const backlogTable = new MeasuredTable(
  `A backlog of ${messages} requests of 100 tokens beside 8 chats/s of 100 tokens, before two simulated engines of 16 places. Our gateway is before them, but in the last row, where llm-d’s picker is, behind Envoy and with its defaults:`,
  ['', 'backlog drained in', 'chats’ TTFT mean', 'p95', 'chats that failed'],
  ['no backlog', 'Backfill', 'llm-d-async', 'llm-d-async, llm-d’s picker'],
);
const deadlinesTable = new MeasuredTable(
  '250 requests with an hour, then 250 of the same tenant with 20 s, on two engines of 8 places that do 17 a second:',
  ['', 'in time, of those with 20 s', 'in time, of those with an hour', 'without a result'],
  ['Backfill', 'llm-d-async'],
);

/** Our function and llm-d-async, each on the same local Pub/Sub, before the same gateway, with the same backlog and chats. */
export async function run(): Promise<void> {
  // As for the tests: nothing here runs on Google Cloud.
  process.env.METADATA_SERVER_DETECTION ??= 'none';
  const theirs = llmDAsync();
  const processors = [{ ...backfill, name: 'Backfill' }, ...(theirs ? [theirs] : [])];
  backlogTable.row('no backlog', '', ...(await chatsAlone()));
  for (const processor of processors) {
    backlogTable.row(processor.name, ...(await backlogBesideChats(processor)));
    deadlinesTable.row(processor.name, ...(await deadlinesMet(processor)));
    const { wanted, succeeded, lost, doubled, delaySeconds } = await kills.run(processor);
    killsTable.row(processor.name, `${succeeded} of ${wanted}`, `${lost}`, `${doubled}`, `${delaySeconds} s`);
  }
  const picker = theirs && benchRouters().find(({ name }) => name === 'llm-d, its default');
  if (theirs && picker) backlogTable.row('llm-d-async, llm-d’s picker', ...(await backlogBesideChats(theirs, picker)));
  new MeasuredReport('npm run bench -- async-peers', [backlogTable, deadlinesTable, killsTable]).write();
}
