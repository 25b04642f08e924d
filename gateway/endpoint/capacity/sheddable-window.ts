/**
 * How many sheddable requests an endpoint takes before anything is known of it, and all it takes while nothing is. Learned from the first
 * answers on.
 */
export const blindWindow = 16;

/** Pressure up to which a window opens; between here and 1 it stands. Derived: a tenth of the pressure is noise between two looks. */
const opensBelow = 0.9;
/** Most that a window opens in one step, as a share of itself, and at least. Measured: row "opening of a window" of `npm run sim -- sensitivity`. */
const openingShare = 0.06;
/** Requests that a small window opens by. Derived: there is no smaller step. */
const openingAtLeast = 1;
/**
 * A window is cut to seven tenths of what is used at the most, and by little when the pressure is hardly too high. Derived: three cuts in a
 * row, within 0.6 s, leave a third.
 */
const deepestCut = 0.7;
/** Derived: about what one step opens. */
const gentleCut = 0.95;
/** A window that is not used to this share says nothing about what more would do. Derived: requests come and go between two looks. */
const usedShare = 0.8;
/**
 * Sheddable requests are stopped after this number of looks in a row at which real-time work felt too much. Derived: five are a second,
 * twice what the gaps of streams remember, so that a long step or two do not count in all of them.
 */
const looksToStop = 5;

/**
 * The next window of an endpoint, after one look at the pressure there: 0 idle, ≥ 1 full. With room it opens by a step in
 * proportion to the room, if it was used; when the endpoint is full it falls to a share of what is used. Falling in proportion is
 * what lets replicas share an endpoint without knowing each other.
 */
export function nextWindow(window: number, inFlight: number, pressure: number): number {
  if (pressure >= 1) return Math.min(window, inFlight) * Math.max(deepestCut, Math.min(gentleCut, 1 / pressure));
  if (pressure >= opensBelow || inFlight < window * usedShare - 1) return window;
  return window + Math.max(openingAtLeast, window * openingShare) * Math.min(1, 2 * (1 - pressure / opensBelow));
}

/** What a look at an endpoint shows. */
export interface WindowLook {
  /** Sheddable requests. */
  readonly inFlight: number;
  /** 0 idle, ≥ 1 full for sheddable work. */
  readonly pressure: number;
  /** The part of it that real-time work feels. */
  readonly feltPressure: number;
}

/** How many sheddable requests an endpoint may hold, and how many of those that it holds are to be stopped. */
export class SheddableWindow {
  #requests = blindWindow;
  /** In a row. */
  #pressedLooks = 0;

  /** Not a whole number. */
  get requests(): number {
    return this.#requests;
  }

  look({ inFlight, pressure, feltPressure }: WindowLook): void {
    this.#requests = nextWindow(this.#requests, inFlight, pressure);
    this.#pressedLooks = feltPressure >= 1 ? this.#pressedLooks + 1 : 0;
  }

  /** How many of `inFlight` sheddable requests to stop: those beyond the window, once the pressure has stayed too high for the last looks. */
  surplus(inFlight: number): number {
    return this.#pressedLooks < looksToStop ? 0 : Math.max(0, Math.floor(inFlight - this.#requests));
  }
}
