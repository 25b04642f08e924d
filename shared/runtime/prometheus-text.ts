/** One line of a Prometheus exposition. `value` may be NaN or infinite; timestamps are dropped. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleName = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelName = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"/y;
const number = /\s*(\S+)/y;
const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Reads the Prometheus text format, and OpenMetrics as far as samples go. A line that is not valid is passed over.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parsePrometheusText(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const sample = parseSample(line.trim());
    if (sample) samples.push(sample);
  }
  return samples;
}

function parseSample(line: string): Sample | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const name = matchAt(sampleName, line, 0)?.[0];
  if (name === undefined) return undefined;
  const brace = skipBlanks(line, name.length);
  const parsed = line[brace] === '{' ? parseLabels(line, brace + 1) : { labels: noLabels, end: name.length };
  const value = parsed && parseValue(matchAt(number, line, parsed.end)?.[1]);
  return parsed && value !== undefined ? { name, labels: parsed.labels, value } : undefined;
}

function parseLabels(line: string, start: number): { labels: Record<string, string>; end: number } | undefined {
  const labels: Record<string, string> = {};
  let at = start;
  for (;;) {
    at = skipBlanks(line, at);
    if (line[at] === '}') return { labels, end: at + 1 };
    const match = matchAt(labelName, line, at);
    const key = match?.[1];
    if (!match || key === undefined) return undefined;
    const quoted = parseQuoted(line, at + match[0].length);
    if (!quoted) return undefined;
    labels[key] = quoted.value;
    at = skipBlanks(line, quoted.end);
    if (line[at] === ',') at += 1;
    else if (line[at] !== '}') return undefined;
  }
}

/** Reads to the closing quote; `\\`, `\"` and `\n` are the format's escapes, any other stands for itself. */
function parseQuoted(line: string, start: number): { value: string; end: number } | undefined {
  const close = line.indexOf('"', start);
  if (close < 0) return undefined;
  const plain = line.slice(start, close);
  if (!plain.includes('\\')) return { value: plain, end: close + 1 };
  let value = '';
  for (let at = start; at < line.length; at += 1) {
    const char = line[at];
    if (char === '"') return { value, end: at + 1 };
    if (char !== '\\') {
      value += char;
      continue;
    }
    at += 1;
    const escaped = line[at];
    value += escaped === 'n' ? '\n' : escaped === '"' || escaped === '\\' ? escaped : `\\${escaped ?? ''}`;
  }
  return undefined;
}

function parseValue(raw: string | undefined): number | undefined {
  if (raw === undefined) return undefined;
  if (/^nan$/i.test(raw)) return Number.NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(raw);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(raw);
  return Number.isNaN(value) ? undefined : value;
}

function matchAt(pattern: RegExp, line: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(line);
}

function skipBlanks(line: string, at: number): number {
  let next = at;
  while (line[next] === ' ' || line[next] === '\t') next += 1;
  return next;
}
