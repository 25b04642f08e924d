/** One line of a long run's report, on standard output. */
export function report(name: string, figures: Readonly<Record<string, string | number>>): void {
  const text = Object.entries(figures).map(([figure, value]) => `${figure} ${value}`);
  process.stdout.write(`REPORT ${name}: ${text.join(', ')}\n`);
}
