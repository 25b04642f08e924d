import type { ControlAction, ControlTarget } from '../../../shared/control/control-document.ts';
import type { Control } from './control.ts';

/** What stops one message: its connections are lost, or a rule of the control document. */
export class Interruption {
  readonly #control: Pick<Control, 'of'>;
  readonly #target: ControlTarget;
  readonly #gone: AbortSignal;
  readonly #stop = new AbortController();
  readonly #unwatch: () => void;
  #isCalling = false;
  #action: ControlAction | undefined;

  /** @param gone aborted when the message's connections are lost */
  constructor(control: Pick<Control, 'of' | 'watch'>, target: ControlTarget, gone: AbortSignal) {
    this.#control = control;
    this.#target = target;
    this.#gone = gone;
    this.#unwatch = control.watch(target, (action) => this.#interrupt(action));
    if (gone.aborted) this.#abort();
    gone.addEventListener('abort', this.#abort);
  }

  /** Aborted when the message is to wait no longer, and its call to end. A pause lets a call end that is under way. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The rule that has aborted the signal; undefined where none has. */
  get action(): ControlAction | undefined {
    return this.#action;
  }

  /** What the rules say of the message now. */
  due(): Promise<ControlAction | undefined> {
    return this.#control.of(this.#target);
  }

  /** The message's call. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.#isCalling = true;
    try {
      return await call();
    } finally {
      this.#isCalling = false;
    }
  }

  release(): void {
    this.#unwatch();
    this.#gone.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => this.#stop.abort();

  #interrupt(action: ControlAction): void {
    if (action === 'pause' && this.#isCalling) return;
    this.#action = action;
    this.#abort();
  }
}
