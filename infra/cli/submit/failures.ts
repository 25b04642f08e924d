const mostReasons = 1000;
const mostLinesEach = 5;

interface Reason {
  /** The first ones of the file. */
  readonly lines: number[];
  count: number;
}

/** The failed lines of a submission, grouped by their reason. Its memory is bounded: beyond 1,000 reasons, others count together. */
export class Failures {
  readonly #reasons = new Map<string, Reason>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(line: number, reason: string): void {
    this.#count += 1;
    const name = this.#reasons.has(reason) || this.#reasons.size < mostReasons ? reason : 'another reason';
    const group = this.#reasons.get(name) ?? { lines: [], count: 0 };
    group.count += 1;
    group.lines.push(line);
    group.lines.sort((a, b) => a - b).splice(mostLinesEach);
    this.#reasons.set(name, group);
  }

  /** The `most` reasons of most lines, each as a sentence of how many lines and which. */
  text(most = 10): string[] {
    const sorted = [...this.#reasons].sort(([, a], [, b]) => b.count - a.count);
    const rest = sorted.slice(most).reduce((sum, [, { count }]) => sum + count, 0);
    return [
      ...sorted.slice(0, most).map(([reason, group]) => `${group.count} × ${reason} (${linesText(group)})`),
      ...(rest > 0 ? [`${rest} × for ${sorted.length - most} more reasons`] : []),
    ];
  }
}

function linesText({ lines, count }: Reason): string {
  const more = count > lines.length ? ` and ${count - lines.length} more` : '';
  return `line${count === 1 ? '' : 's'} ${lines.join(', ')}${more}`;
}
