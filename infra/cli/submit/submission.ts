import { Failures } from './failures.ts';
import type { JournalState } from './journal.ts';
import type { Progress } from './progress-text.ts';

type Stage = 'new' | 'published' | 'answered';

/** What to do with a result: keep the first of each line, drop others; one whose message is not known may be of a publish that is not confirmed yet. */
export type Match = { readonly first: number } | 'duplicate' | 'unknown';

/** The lines of a file, how far each of them is, and by which messages each was published. */
export class Submission {
  readonly failures = new Failures();
  readonly #stages: Map<number, Stage>;
  readonly #lineOfMessage = new Map<string, number>();
  #published = 0;
  #answered = 0;
  #duplicates = 0;

  /** @param earlier what former runs did; a line that they published is awaited unless `republish`. */
  constructor(lines: Iterable<number>, earlier?: JournalState, republish = false) {
    const published = new Set(earlier?.published.map(({ line }) => line));
    this.#stages = new Map(
      [...lines].map((line): [number, Stage] => {
        if (earlier?.answered.has(line)) return [line, 'answered'];
        return [line, published.has(line) && !republish ? 'published' : 'new'];
      }),
    );
    for (const { messageId, line } of earlier?.published ?? []) this.#lineOfMessage.set(messageId, line);
    for (const [line, stage] of this.#stages) {
      if (stage !== 'new') this.#published += 1;
      if (stage === 'answered') this.#answered += 1;
      const reason = earlier?.answered.get(line);
      if (typeof reason === 'string') this.failures.add(line, reason);
    }
  }

  isNew(line: number): boolean {
    return this.#stages.get(line) === 'new';
  }

  confirmPublished(messageId: string, line: number): void {
    this.#lineOfMessage.set(messageId, line);
    this.#advanceToPublished(line);
  }

  /** @param messageId the result's `first_message_id` */
  match(messageId: string): Match {
    const line = this.#lineOfMessage.get(messageId);
    if (line === undefined) return 'unknown';
    return this.#stages.get(line) === 'answered' ? 'duplicate' : { first: line };
  }

  /** @param reason why the request failed; null when it succeeded */
  recordAnswered(line: number, reason: string | null): void {
    // Sent again by this run, the line may be answered by what an earlier run sent.
    this.#advanceToPublished(line);
    this.#stages.set(line, 'answered');
    this.#answered += 1;
    if (reason !== null) this.failures.add(line, reason);
  }

  recordDuplicate(): void {
    this.#duplicates += 1;
  }

  get complete(): boolean {
    return this.#answered === this.#stages.size;
  }

  get progress(): Progress {
    return {
      lines: this.#stages.size,
      published: this.#published,
      answered: this.#answered,
      failed: this.failures.count,
      duplicates: this.#duplicates,
    };
  }

  #advanceToPublished(line: number): void {
    if (!this.isNew(line)) return;
    this.#stages.set(line, 'published');
    this.#published += 1;
  }
}
