import type { ResultSummary } from '../../../functions/processor/results/result.ts';
import { msBetween } from '../../../shared/runtime/clock.ts';
import type { SimulatedGateway, Way } from '../pool/simulated-gateway.ts';
import { type DeadlineMessage, type DeadlineWork, deadlineWork } from '../worlds/deadline-work.ts';
import { requestTopic, soonTopic, urgentTopic } from './message-bus.ts';
import { messageOf, SimulatedFunction } from './simulated-function.ts';

/** Messages with deadlines, through Pub/Sub and the function. */
export interface DeadlineLoad {
  readonly instances: number;
  readonly work: Omit<DeadlineWork, 'seed'>;
  /** Messages with a window up to each of these, two at most, come through subscriptions of their own; absent, all come through one. */
  readonly lanesUpToSeconds?: readonly number[];
  readonly hidesDeadlines?: boolean;
  /** With an objective for messages that would be late. */
  readonly escalates?: boolean;
}

/** What became of messages with deadlines. Shares in [0, 1] are of all messages. */
export interface DeadlineFigures {
  readonly messages: number;
  readonly inTime: number;
  /** By window, in seconds. */
  readonly inTimeByWindow: Readonly<Record<number, number>>;
  /** Answered with a success after the deadline. */
  readonly late: number;
  readonly expired: number;
  readonly unreachable: number;
  /** Of those that did not succeed in time, the share that was told more than a minute before the deadline; NaN without any. */
  readonly toldEarly: number;
  /** Of all tokens of succeeded answers and thrown away ones, the share that came to nothing or late. */
  readonly wasted: number;
  readonly escalated: number;
  readonly refused: number;
  readonly tokensPerSecond: number;
}

const early = 60_000;
const lanes = [urgentTopic, soonTopic];

/** Instances of the function before messages with deadlines. */
export class DeadlineInstances {
  readonly #gateway: SimulatedGateway;
  readonly #load: DeadlineLoad;
  readonly #messages: readonly DeadlineMessage[];
  readonly #function: SimulatedFunction;
  readonly #results: (ResultSummary & { readonly leftMs: number })[] = [];
  #escalated = 0;
  #refused = 0;
  #thrownAwayTokens = 0;

  constructor(
    gateway: SimulatedGateway,
    load: DeadlineLoad,
    { way, seed }: { readonly way: Way; readonly seed: number },
  ) {
    this.#gateway = gateway;
    this.#load = load;
    this.#messages = deadlineWork({ ...load.work, seed });
    this.#function = new SimulatedFunction(gateway, {
      instances: load.instances,
      way,
      seed,
      ...(load.hidesDeadlines ? { hidesDeadlines: true } : {}),
      ...(load.escalates ? { environment: { ESCALATION_OBJECTIVE: 'urgent' } } : {}),
      listener: {
        answered: (result) => {
          this.#results.push({ ...result, leftMs: msBetween(gateway.clock.unixMs(), result.deadlineAtMs!) });
        },
        refused: (_, generatedTokens) => {
          this.#refused += 1;
          this.#thrownAwayTokens += generatedTokens;
        },
        escalated: () => {
          this.#escalated += 1;
        },
      },
    });
  }

  begin(): void {
    const { clock } = this.#gateway;
    const bursts = Map.groupBy(this.#messages, ({ atMs }) => atMs);
    for (const [atMs, burst] of bursts) {
      clock.at(atMs, () => {
        for (const { windowSeconds, lengths, job } of burst) {
          const lane = this.#load.lanesUpToSeconds?.findIndex((upTo) => windowSeconds <= upTo) ?? -1;
          const topic = lanes[lane] ?? requestTopic;
          const message = messageOf(lengths, { window: `${windowSeconds}s`, job });
          void this.#function.bus.publish(topic, message);
        }
      });
    }
    this.#function.begin();
  }

  /** All messages have their result. */
  get isOver(): boolean {
    return this.#results.length >= this.#messages.length;
  }

  figures(): DeadlineFigures {
    const { nowMs } = this.#gateway.clock;
    const all = this.#results;
    const count = all.length;
    const isInTime = ({ outcome, leftMs }: (typeof all)[number]): boolean => outcome === 'succeeded' && leftMs >= 0;
    const failed = all.filter((result) => !isInTime(result));
    const share = (outcome: string): number => all.filter((result) => result.outcome === outcome).length / count;
    const tokensOf = (results: typeof all): number =>
      results.reduce((sum, { tokens }) => sum + tokens.prompt + tokens.completion, 0);
    const windows = this.#load.work.classes.map(({ windowSeconds }) => {
      const ofClass = all.filter(
        ({ firstPublishedAtMs, deadlineAtMs }) =>
          Math.round(msBetween(firstPublishedAtMs, deadlineAtMs!) / 1000) === windowSeconds,
      );
      return [windowSeconds, ofClass.filter(isInTime).length / ofClass.length] as const;
    });
    const inTimeTokens = tokensOf(all.filter(isInTime));
    const allTokens = tokensOf(all) + this.#thrownAwayTokens;
    return {
      messages: count,
      inTime: 1 - failed.length / count,
      inTimeByWindow: Object.fromEntries(windows),
      late: failed.filter(({ outcome }) => outcome === 'succeeded').length / count,
      expired: share('expired'),
      unreachable: share('unreachable'),
      toldEarly: failed.filter(({ leftMs }) => leftMs > early).length / failed.length,
      wasted: 1 - inTimeTokens / allTokens,
      escalated: this.#escalated / count,
      refused: this.#refused,
      tokensPerSecond: (inTimeTokens * 1000) / nowMs(),
    };
  }
}
