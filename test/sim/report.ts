import type { AsyncFigures, Figures } from './figures.ts';
import { engineOf } from './pool/engine-kinds.ts';
import { recorded } from './worlds/traces.ts';

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line of a table; the first column is `width` wide. */
export function row(name: string, cells: readonly string[], width = 24): string {
  return [name.padEnd(width), ...cells.map((cell) => ` ${cell.padStart(11)}`)].join('');
}

/** What every report says first: the engines, the traffic, and what is left out. */
export function printHead(engines: number, preset: string, leftOut: readonly string[]): void {
  print(`${engines} × ${preset} (${engineOf({ preset }).validated})`);
  print(recorded ? 'recorded traces' : 'generated traces: the recorded ones are not here');
  print(`Not simulated: ${leftOut.join('; ')}.`);
}

export const figureNames = [
  'TTFT mean',
  'p50',
  'p90',
  'p95',
  'p99',
  'TPOT p50',
  'p95',
  'p99',
  'missed',
  'cached',
  'pred. error',
];

export function figureCells(figures: Figures): readonly string[] {
  const { ttftMean, ttftP50, ttftP90, ttftP95, ttftP99, tpotP50, tpotP95, tpotP99 } = figures;
  return [
    ...[ttftMean, ttftP50, ttftP90, ttftP95, ttftP99].map((ms) => ms.toFixed(0)),
    ...[tpotP50, tpotP95, tpotP99].map((ms) => ms.toFixed(1)),
    percent(figures.missed, 3),
    percent(figures.cached, 1),
    percent(figures.predictionError, 0),
  ];
}

export const asyncNames = ['async tok/s', 'served', 'refused', 'evicted', 'wasted'];

export function asyncCells({
  tokensPerSecond,
  served,
  refused,
  evicted,
  wastedTokens,
}: AsyncFigures): readonly string[] {
  return [Math.round(tokensPerSecond), served, refused, evicted, wastedTokens].map((count) =>
    count.toLocaleString('en'),
  );
}

export function percent(share: number, digits: number): string {
  return Number.isNaN(share) ? '–' : `${(100 * share).toFixed(digits)} %`;
}
