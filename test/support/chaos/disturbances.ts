import { setTimeout as delay } from 'node:timers/promises';
import type { Part } from './chaos-parts.ts';
import type { SmallDisk } from './small-disk.ts';

/** What is done to one process. It is well again when this resolves. */
export interface Disturbance {
  readonly name: string;
  run(random: () => number): Promise<void>;
}

const longestMs = 4000;
/** For a process without room on its disk to end. */
const endsWithinMs = 3000;

/** Kills every part, stops and continues some, sets the clocks of some, and fills the disk of Pub/Sub's data where it has one of its own. */
export function disturbancesOf(parts: readonly Part[], pubsub: Part, disk: SmallDisk | undefined): Disturbance[] {
  const stopped = parts.filter(({ name }) => name !== 'monitoring');
  const clocked = parts.filter(({ name }) => ['function', 'gateway', 'pubsub'].includes(name));
  return [
    ...parts.map(killed),
    ...stopped.map(stoppedForAWhile),
    ...clocked.map((part) => ({ name: `clock of ${part.name}`, run: async () => part.signal('SIGUSR2') })),
    ...(disk ? [withoutDisk(pubsub, disk)] : []),
  ];
}

function killed(part: Part): Disturbance {
  return {
    name: `kill ${part.name}`,
    run: async (random) => {
      await part.kill();
      await delay((random() * longestMs) / 2);
      await part.restart();
    },
  };
}

function stoppedForAWhile(part: Part): Disturbance {
  return {
    name: `stop ${part.name}`,
    run: async (random) => {
      part.signal('SIGSTOP');
      await delay(random() * longestMs);
      part.signal('SIGCONT');
    },
  };
}

/** Without room for what it accepts, Pub/Sub ends; it is started again once there is room. */
function withoutDisk(pubsub: Part, disk: SmallDisk): Disturbance {
  return {
    name: 'disk full',
    run: async () => {
      pubsub.expectEnd();
      const ended = pubsub.process.exited.then(() => true);
      disk.fill();
      const hasEnded = await Promise.race([ended, delay(endsWithinMs).then(() => false)]);
      disk.free();
      if (!hasEnded) await pubsub.kill();
      await pubsub.restart();
    },
  };
}
