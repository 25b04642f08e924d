import { custom, type Parsed } from '../../shared/runtime/config/variables.ts';

/** What a text variable is declared with. */
export interface Options {
  readonly default?: string;
  readonly required?: true;
  readonly meaning: string;
}

/** A Pub/Sub topic: its id, or its full name. */
export function topic<const O extends Options>(name: string, options: O) {
  return custom<string, O>(name, options, (raw) =>
    /^(projects\/[^/\s]+\/topics\/)?(?!goog)[A-Za-z][\w.~+%-]{2,254}$/.test(raw)
      ? { value: raw }
      : { fault: 'must be a topic id, or projects/P/topics/T' },
  );
}

/** A comma list of Pub/Sub ids. */
export function readIds(raw: string): Parsed<readonly string[]> {
  const ids = raw.split(',').map((id) => id.trim());
  const areIds = ids.every((id) => /^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/.test(id));
  return areIds ? { value: ids } : { fault: 'must be a comma list of subscription ids' };
}

/** A comma list of paths of the API. */
export function endpointPaths<const O extends Options>(name: string, options: O) {
  return custom<readonly string[], O>(name, options, (raw) => {
    const paths = raw.split(',').map((path) => path.trim());
    const plain = paths.every((path) => /^(\/[\w-]+(\.[\w-]+)*)+$/.test(path));
    return plain ? { value: paths } : { fault: 'must be a comma list of plain paths like /v1/chat/completions' };
  });
}

/** `HOST:PORT`. */
export function hostAndPort<const O extends Options>(name: string, options: O) {
  return custom<string, O>(name, options, (raw) =>
    /^([\w.-]+|\[[\da-f:]+\]):\d{1,5}$/i.test(raw)
      ? { value: raw }
      : { fault: 'must be HOST:PORT, like localhost:9000' },
  );
}

/** A text that fits into a header. */
export function headerText<const O extends Options>(name: string, options: O) {
  return custom<string, O>(name, options, (raw) =>
    /^[\x21-\x7e]{1,256}$/.test(raw) ? { value: raw } : { fault: 'must be at most 256 printable ASCII characters' },
  );
}
