import type { JournalState } from './journal-records.ts';
import type { Progress } from './progress-text.ts';
import type { ResultTag } from './result-tag.ts';

type Stage = 'new' | 'published' | 'answered';

/** Which requests there are, and how far each of them is. */
export class Submission {
  readonly id: string;
  readonly #stages: Map<string, Stage>;
  #published = 0;
  #answered = 0;
  #failed = 0;
  #duplicates = 0;
  #others = 0;

  /** @param earlier what a former run left; a request it published is awaited unless `republish`. */
  constructor(id: string, keys: readonly string[], earlier?: JournalState, republish = false) {
    this.id = id;
    this.#stages = new Map(
      keys.map((key): [string, Stage] => {
        if (earlier?.answered.has(key)) return [key, 'answered'];
        return [key, earlier?.published.has(key) && !republish ? 'published' : 'new'];
      }),
    );
    for (const [key, stage] of this.#stages) {
      if (stage !== 'new') this.#published += 1;
      if (stage !== 'answered') continue;
      this.#answered += 1;
      if (earlier?.answered.get(key)) this.#failed += 1;
    }
  }

  isNew(key: string): boolean {
    return this.#stages.get(key) === 'new';
  }

  /** A result may have come before its request's publish was confirmed. */
  confirmPublished(key: string): void {
    if (!this.isNew(key)) return;
    this.#stages.set(key, 'published');
    this.#published += 1;
  }

  /** What to do with a result: keep the first of each request, count the others. */
  takeResult(tag: ResultTag | undefined, failed: boolean): 'first' | 'duplicate' | 'other' {
    const stage = tag?.submission === this.id ? this.#stages.get(tag.key) : undefined;
    if (!tag || stage === undefined) {
      this.#others += 1;
      return 'other';
    }
    if (stage === 'answered') {
      this.#duplicates += 1;
      return 'duplicate';
    }
    this.confirmPublished(tag.key);
    this.#stages.set(tag.key, 'answered');
    this.#answered += 1;
    if (failed) this.#failed += 1;
    return 'first';
  }

  get complete(): boolean {
    return this.#answered === this.#stages.size;
  }

  get progress(): Progress {
    return {
      requests: this.#stages.size,
      published: this.#published,
      answered: this.#answered,
      failed: this.#failed,
      duplicates: this.#duplicates,
      others: this.#others,
    };
  }
}
