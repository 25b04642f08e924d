const keptLines = 20;

/** The last lines that a process printed. */
export class OutputTail {
  #lines: string[] = [];
  #unfinished = '';

  add(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = (lines.pop() ?? '').slice(-10_000);
    this.#lines = [...this.#lines, ...lines].slice(-keptLines);
  }

  toString(): string {
    return [...this.#lines, this.#unfinished].filter((line) => line !== '').join('\n');
  }
}
