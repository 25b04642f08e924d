import type { MonotonicClock } from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';
import type { SourceAnswer, SourcesRead } from '../dispatch/capacity-gate.ts';
import { isUsable, type SourceReading } from '../dispatch/gate.ts';

/** Where a pool's load can be read. */
export interface CapacitySource {
  readonly name: string;
  /** Undefined when the source has nothing to say, or is not there. Rejects when it could not be asked. */
  read(): Promise<SourceReading | undefined>;
}

/**
 * For all that a source does, finding its project and credentials and connecting included: a reading that never ended would be the
 * last. A little above the two seconds of each query, whose own error tells more. Derived: the query's two seconds and a quarter.
 */
const askTimeoutMs = 2500;

/** Asks the sources in their order, until one has data that is no older than `maxAgeMs`. Never rejects. */
export async function askSources(
  sources: readonly CapacitySource[],
  maxAgeMs: number,
  clock: Pick<MonotonicClock, 'after'>,
): Promise<SourcesRead> {
  const answers = new Map<string, SourceAnswer>();
  for (const source of sources) {
    const { reading, ...answer } = await ask(source, maxAgeMs, clock);
    answers.set(source.name, answer);
    if (reading) return { answers, reading };
  }
  return { answers, reading: undefined };
}

async function ask(
  source: CapacitySource,
  maxAgeMs: number,
  clock: Pick<MonotonicClock, 'after'>,
): Promise<SourceAnswer & { readonly reading?: SourceReading }> {
  try {
    const reading = await withinTime(source.read(), askTimeoutMs, clock);
    if (!reading) return { hasData: false };
    if (isUsable(reading, maxAgeMs)) return { hasData: true, reading };
    const { ageMs, saturation } = reading;
    return { hasData: false, why: `its newest point, ${Math.round(ageMs / 1000)} s old, says ${saturation}` };
  } catch (error) {
    return { hasData: false, why: (error as Error).message };
  }
}
