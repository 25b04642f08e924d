import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { integer } from '../../shared/runtime/config/variables.ts';
import { requestTopic, urgentTopic } from './async/message-bus.ts';
import { messageOf, SimulatedFunction } from './async/simulated-function.ts';
import { leftOut } from './experiment.ts';
import { SimulatedGateway } from './pool/simulated-gateway.ts';
import { print, printHead, row } from './report.ts';
import { VirtualClock } from './virtual-clock.ts';
import { asyncLengths } from './worlds/async-work.ts';

const preset = 'h100-80g-llama3.1-8b-tp1';
const urgentCount = 100;
const urgentWindow = '60s';
/** So long the patient ones have had the pool to themselves. */
const urgentAtMs = 120_000;
const longestMs = urgentAtMs + 120_000;
const atOnce = 1000;

/** `npm run sim -- lanes`: a few messages with a short window behind a backlog that is deeper than any push window. */
export async function run(argv: readonly string[]): Promise<void> {
  const { flags } = readCommandLine(
    {
      usage: 'npm run sim -- lanes',
      about:
        'Messages with a window of a minute behind patient ones, through one subscription or two, on a virtual clock.',
      flags: {
        patient: integer('--patient', {
          default: '200000',
          min: 1,
          meaning: 'messages with a window of a day that wait',
        }),
        instances: integer('--instances', { default: '4', min: 1, meaning: 'of the function' }),
      },
    },
    argv,
  );
  printHead(1, preset, leftOut);
  print(`${flags.patient} messages wait; ${urgentCount} more come, each with a window of ${urgentWindow}`);
  print(row('', ['in time', 'expired', 'unreachable', 'no result', 'escalated', 'patient done'], 36));
  const ways = [
    ['one subscription', requestTopic],
    ['a lane of their own', urgentTopic],
  ] as const;
  for (const [name, topic] of ways) print(row(name, (await race(flags, topic)).map(String), 36));
}

/** What became of the urgent ones, and how many of the others were done meanwhile. */
async function race(
  { patient, instances }: { readonly patient: number; readonly instances: number },
  topic: string,
): Promise<readonly number[]> {
  const clock = new VirtualClock();
  const gateway = new SimulatedGateway({ way: 'ours', policy: 'latency', engines: [{ preset }], seed: 1 }, clock);
  const outcomes: Record<string, number> = {};
  let [patientDone, urgentDone, escalated] = [0, 0, 0];
  const simulated = new SimulatedFunction(gateway, {
    instances,
    way: 'ours',
    seed: 1,
    environment: { ESCALATION_OBJECTIVE: 'urgent' },
    listener: {
      answered: ({ request, outcome }) => {
        if (!request.id.startsWith('urgent')) {
          patientDone += 1;
          return;
        }
        urgentDone += 1;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      },
      refused: () => {},
      escalated: () => {
        escalated += 1;
      },
    },
  });
  const next = asyncLengths('documents', 1);
  for (let published = 0; published < patient; published += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, patient - published) }, () => messageOf(next()));
    void simulated.bus.publish(requestTopic, ...batch);
  }
  simulated.begin();
  clock.at(urgentAtMs, () => {
    for (let count = 0; count < urgentCount; count += 1) {
      void simulated.bus.publish(topic, messageOf(next(), { id: `urgent-${count}`, window: urgentWindow }));
    }
  });
  await clock.runSettledUntil(() => urgentDone === urgentCount || clock.nowMs() > longestMs);
  const { succeeded = 0, expired = 0, unreachable = 0 } = outcomes;
  return [succeeded, expired, unreachable, urgentCount - urgentDone, escalated, patientDone];
}
