/** A point of the frontier. */
export interface FrontierPoint {
  /** Points of one group have one colour and are joined in their order. */
  readonly group: string;
  readonly tokensPerSecond: number;
  /** Share of real-time requests that missed beside async work, less the share without. */
  readonly harm: number;
}

const [width, height] = [860, 480];
const margin = { left: 70, right: 250, top: 30, bottom: 50 };
const colours = [
  '#1f6feb',
  '#d1242f',
  '#1a7f37',
  '#9a6700',
  '#8250df',
  '#bf3989',
  '#57606a',
  '#0a7ea4',
  '#b35900',
  '#24292f',
];
/** In percentage points: what lies beyond is drawn at the edge. */
const leastHarm = 0.01;
const mostHarm = 30;

/** A picture: harm over async throughput, harm in powers of ten. */
export function frontierSvg(title: string, points: readonly FrontierPoint[]): string {
  const most = Math.max(1, ...points.map(({ tokensPerSecond }) => tokensPerSecond));
  const x = (tokens: number): number => margin.left + (tokens / most) * (width - margin.left - margin.right);
  const y = (harm: number): number => {
    const percent = Math.min(mostHarm, Math.max(leastHarm, 100 * harm));
    const share = Math.log(percent / leastHarm) / Math.log(mostHarm / leastHarm);
    return height - margin.bottom - share * (height - margin.top - margin.bottom);
  };
  const groups = [...Map.groupBy(points, ({ group }) => group)];
  const drawn = groups.flatMap(([group, own], index) => {
    const colour = colours[index % colours.length]!;
    const places = own.map(({ tokensPerSecond, harm }) => `${x(tokensPerSecond).toFixed(1)},${y(harm).toFixed(1)}`);
    return [
      `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-opacity="0.5"/>`,
      ...places.map((place) => circle(place, colour)),
      text(width - margin.right + 20, margin.top + 18 * index, group, colour),
    ];
  });
  const grid = [0.01, 0.1, 1, 10].flatMap((percent) => {
    const at = y(percent / 100);
    return [
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#d0d7de"/>`,
      text(8, at + 4, `+${percent} pp`),
    ];
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    text(x(share * most) - 14, height - margin.bottom + 18, `${Math.round((share * most) / 1000)}k`),
  );
  return svg([
    text(margin.left, 16, title),
    ...grid,
    ...ticks,
    text(margin.left, height - 8, 'async tokens a second; up: additional misses of real-time work'),
    ...drawn,
  ]);
}

/** A picture: requests on the engines over time, async work on top of real-time work. */
export function underWaySvg(
  title: string,
  looks: readonly { readonly realtime: number; readonly async: number }[],
  seconds: number,
): string {
  const most = Math.max(1, ...looks.map(({ realtime, async }) => realtime + async));
  const right = width - 40;
  const x = (index: number): number => margin.left + (index / Math.max(1, looks.length - 1)) * (right - margin.left);
  const y = (count: number): number => height - margin.bottom - (count / most) * (height - margin.top - margin.bottom);
  const area = (low: (index: number) => number, high: (index: number) => number): string => {
    const there = looks.map((_, index) => `${x(index).toFixed(1)},${y(high(index)).toFixed(1)}`);
    const back = looks.map((_, index) => `${x(index).toFixed(1)},${y(low(index)).toFixed(1)}`).reverse();
    return [...there, ...back].join(' ');
  };
  const realtime = (index: number): number => looks[index]!.realtime;
  const all = (index: number): number => looks[index]!.realtime + looks[index]!.async;
  return svg([
    text(margin.left, 16, title),
    `<polygon points="${area(() => 0, realtime)}" fill="#1f6feb" fill-opacity="0.7"/>`,
    `<polygon points="${area(realtime, all)}" fill="#1a7f37" fill-opacity="0.4"/>`,
    text(8, y(most) + 4, String(most)),
    text(8, y(0) + 4, '0'),
    text(margin.left, height - margin.bottom + 18, '0 s'),
    text(right - 40, height - margin.bottom + 18, `${seconds} s`),
    text(margin.left, height - 8, 'requests on the engines: real-time below, async on top'),
  ]);
}

function circle(place: string, colour: string): string {
  const [cx, cy] = place.split(',');
  return `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`;
}

function text(x: number, y: number, words: string, colour = '#24292f'): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${colour}" font-family="sans-serif" font-size="12">${escaped}</text>`;
}

function svg(parts: readonly string[]): string {
  const white = `<rect width="${width}" height="${height}" fill="#ffffff"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">\n${[white, ...parts].join('\n')}\n</svg>\n`;
}
