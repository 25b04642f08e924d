/** Sheddable is work of a priority below 0: it may be refused, and stopped, for the sake of any other. */
export type WorkClass = 'realtime' | 'sheddable';

/** Work of less is sheddable. Protocol: contract §7, `OBJECTIVES`. */
export const lowestRealtimePriority = 0;

/** The class that follows from a priority. */
export function workClassOf(priority: number): WorkClass {
  return priority < lowestRealtimePriority ? 'sheddable' : 'realtime';
}
