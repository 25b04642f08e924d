/** One environment variable: its name outside, how it is read, and what it means. */
export interface Variable<T> {
  readonly name: string;
  /** As it would be written in the environment; absent when the variable has no default. */
  readonly default?: string;
  readonly required?: boolean;
  readonly meaning: string;
  /** Turns the written value into the inside value, or says what would be right: `must be …`. */
  readonly read: (raw: string) => Parsed<T>;
}

/** The inside value, or what would be right: `must be …`. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };

interface Options {
  readonly default?: string;
  readonly required?: boolean;
  readonly meaning: string;
}

interface RangeOptions extends Options {
  readonly min?: number;
  readonly max?: number;
}

type Optional<O extends Options, T> = O extends { default: string } | { required: true } ? T : T | undefined;

/** Any text. */
export function text<const O extends Options>(name: string, options: O): Variable<Optional<O, string>> {
  return variable(name, options, (raw) => ({ value: raw }));
}

/** One of `choices`. */
export function choice<const O extends Options, const C extends readonly string[]>(
  name: string,
  choices: C,
  options: O,
): Variable<Optional<O, C[number]>> {
  return variable(name, options, (raw) =>
    choices.includes(raw) ? { value: raw } : { fault: `must be one of ${choices.join(', ')}` },
  );
}

/** A comma list, trimmed; empty items are refused. With `choices`, every item must be one of them. */
export function list<const O extends Options, const C extends readonly string[] = readonly string[]>(
  name: string,
  options: O & { choices?: C },
): Variable<Optional<O, readonly C[number][]>> {
  return variable(name, options, (raw) => {
    const items = raw.split(',').map((item) => item.trim());
    const known = options.choices;
    if (items.includes('')) return { fault: 'must be a comma list without empty items' };
    if (known && !items.every((item) => known.includes(item))) {
      return { fault: `must be a comma list of ${known.join(', ')}` };
    }
    return { value: items };
  });
}

/** `true` or `false`. */
export function flag<const O extends Options>(name: string, options: O): Variable<Optional<O, boolean>> {
  return variable(name, options, (raw) =>
    raw === 'true' || raw === 'false' ? { value: raw === 'true' } : { fault: 'must be true or false' },
  );
}

/** A whole number from `min` (0) to `max`. */
export function integer<const O extends RangeOptions>(name: string, options: O): Variable<Optional<O, number>> {
  return variable(name, options, (raw) => {
    const value = Number(raw);
    const inRange = value >= (options.min ?? 0) && value <= (options.max ?? Number.MAX_SAFE_INTEGER);
    if (/^-?\d+$/.test(raw) && inRange) return { value };
    return { fault: `must be a whole number ${rangeText(options, 0)}` };
  });
}

/** A number from `min` (0) to `max`; decimals are taken. */
export function decimal<const O extends RangeOptions>(name: string, options: O): Variable<Optional<O, number>> {
  return variable(name, options, (raw) => {
    const value = readDecimal(raw, options);
    return value === undefined ? { fault: `must be a number ${rangeText(options, 0)}` } : { value };
  });
}

/** Node's timers hold no more milliseconds than fit in 31 bits. Protocol: Node's `setTimeout`. */
export const longestTimerMs = 2_147_483_647;

/** A duration written in seconds, decimals allowed; milliseconds inside. Without `max`, as long as a timer may run. */
export function seconds<const O extends RangeOptions>(name: string, options: O): Variable<Optional<O, number>> {
  const range = { max: Math.floor(longestTimerMs / 1000), ...options };
  return variable(name, options, (raw) => {
    const value = readDecimal(raw, range);
    return value === undefined
      ? { fault: `must be a number of seconds ${rangeText(range, 0)}` }
      : { value: value * 1000 };
  });
}

/** An absolute `http:` or `https:` URL without credentials, query or fragment; a trailing slash is removed. */
export function baseUrl<const O extends Options>(name: string, options: O): Variable<Optional<O, string>> {
  return variable(name, options, (raw) => {
    const url = URL.canParse(raw) ? new URL(raw) : undefined;
    const plain = url && !url.search && !url.hash && !url.username && !url.password;
    if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      return { fault: 'must be a base URL like http://10.0.0.1:8000, without user, query or fragment' };
    }
    return { value: url.href.replace(/\/+$/, '') };
  });
}

/** A variable whose written form is its own: `read` says what would be right when it is not. */
export function custom<T, const O extends Options>(
  name: string,
  options: O,
  read: (raw: string) => Parsed<T>,
): Variable<Optional<O, T>> {
  return variable(name, options, read);
}

function variable<T>(name: string, options: Options, read: (raw: string) => Parsed<unknown>): Variable<T> {
  return {
    name,
    meaning: options.meaning,
    ...(options.default === undefined ? {} : { default: options.default }),
    ...(options.required ? { required: true } : {}),
    read: read as Variable<T>['read'],
  };
}

function readDecimal(raw: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: RangeOptions): number | undefined {
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(raw)) return undefined;
  const value = Number(raw);
  return value >= min && value <= max ? value : undefined;
}

function rangeText(options: RangeOptions, lowest: number): string {
  const min = options.min ?? lowest;
  return options.max === undefined ? `of at least ${min}` : `from ${min} to ${options.max}`;
}
