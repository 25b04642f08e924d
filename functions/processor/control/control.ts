import {
  type ControlAction,
  type ControlRule,
  type ControlTarget,
  controlName,
  controlOf,
  maxControlBytes,
  readControlDocument,
} from '../../../shared/control/control-document.ts';
import {
  longAgo,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { LinkedList } from '../../../shared/runtime/linked-list.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';
import type { Store } from '../../../shared/store/store.ts';

/** What control is made from. */
export interface ControlOptions {
  /** Undefined where there is no `STORE`: then nothing is ever stopped. */
  readonly store: Pick<Store, 'read'> | undefined;
  readonly clock: MonotonicClock;
  readonly wall: WallClock;
  /** Other rules are in force, or the document can be read again. */
  readonly onChanged: (rules: number) => void;
  /** The document cannot be read: the last rules stay in force. Told once, until it can be read or fails otherwise. */
  readonly onFault: (fault: string) => void;
}

/** Derived: with the time that a reading may take, below the five seconds of contract §13. */
const refreshMs = 2500;
/** Derived, as above. */
const readTimeoutMs = 2000;
/** An older document is read anew before it decides: an instance without requests may have no time for timers. Protocol: contract §13. */
const staleMs = 5000;

/** One message under way that rules may stop. */
interface Watch {
  readonly target: ControlTarget;
  readonly onRule: (action: ControlAction) => void;
}

/** The rules of the control document in force now, and the messages here that they may stop. */
export class Control {
  readonly #options: ControlOptions;
  readonly #watches = new LinkedList<Watch>();
  #rules: readonly ControlRule[] = [];
  #generation: string | undefined;
  #fault: string | undefined;
  #readAtMs: MonotonicMs = longAgo;
  #reading: Promise<void> | undefined;
  #cancelNext: () => void = () => undefined;
  #isClosed = false;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Reads the document, and again every few seconds until it is closed. */
  start(): void {
    if (!this.#options.store || this.#isClosed) return;
    void this.#refresh().then(() => {
      if (!this.#isClosed) this.#cancelNext = this.#options.clock.after(refreshMs, () => this.start());
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelNext();
  }

  /** What the rules say of a message, by a document that is at most five seconds old where it can be read. */
  async of(target: ControlTarget): Promise<ControlAction | undefined> {
    const { store, clock, wall } = this.#options;
    if (!store) return undefined;
    if (msBetween(this.#readAtMs, clock.nowMs()) > staleMs) await this.#refresh();
    return controlOf(this.#rules, target, wall.unixMs());
  }

  /** Calls back whenever a new document stops the message, until what is returned is called. */
  watch(target: ControlTarget, onRule: (action: ControlAction) => void): () => void {
    const watch = this.#watches.add({ target, onRule });
    return () => this.#watches.remove(watch);
  }

  #refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#options;
    if (!store) return;
    try {
      const found = await withinTime(store.read(controlName, maxControlBytes), readTimeoutMs, clock);
      const rules = found ? readControlDocument(found.data) : [];
      if ('fault' in rules) this.#fail(rules.fault);
      else this.#take(rules, found?.generation);
    } catch (error) {
      this.#fail(`cannot be read: ${(error as Error).message}`);
    }
    // A store that fails is not asked anew for every message.
    this.#readAtMs = clock.nowMs();
  }

  #fail(fault: string): void {
    if (this.#fault !== fault) this.#options.onFault(fault);
    this.#fault = fault;
  }

  #take(rules: readonly ControlRule[], generation: string | undefined): void {
    const isSame = generation === this.#generation && this.#fault === undefined;
    this.#fault = undefined;
    if (isSame) return;
    this.#generation = generation;
    this.#rules = rules;
    this.#options.onChanged(rules.length);
    const nowMs = this.#options.wall.unixMs();
    for (const { target, onRule } of [...this.#watches]) {
      const action = controlOf(rules, target, nowMs);
      if (action) onRule(action);
    }
  }
}
