/** A descriptor as protobufjs writes it to JSON. Source: https://github.com/protobufjs/protobuf.js#json-descriptors */
export interface Descriptor {
  readonly fields?: Readonly<Record<string, { readonly type: string }>>;
  readonly methods?: Readonly<Record<string, { readonly requestType: string; readonly responseType: string }>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly extend?: string;
  readonly nested?: Readonly<Record<string, Descriptor>>;
}

/**
 * The descriptor with these methods of its services, by full service name, and with what they send and receive. Extensions go: what
 * remains is encoded and decoded as before.
 * @throws {Error} naming a method that the descriptor does not have
 */
export function keepMethods(root: Descriptor, kept: Readonly<Record<string, readonly string[]>>): Descriptor {
  const reached = new Set<string>();
  const reach = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const { type } of Object.values(find(root, name)?.fields ?? {})) {
      const used = resolve(root, type, name);
      if (used !== undefined) reach(used);
    }
    // A message that others nest in stands around them.
    const around = name.slice(0, name.lastIndexOf('.'));
    if (find(root, around)?.fields) reach(around);
  };
  for (const [service, methods] of Object.entries(kept)) {
    for (const method of methods) {
      const { requestType, responseType } = find(root, service)?.methods?.[method] ?? missing(`${service}.${method}`);
      for (const type of [requestType, responseType]) reach(resolve(root, type, service) ?? missing(type));
    }
  }
  return only(root, '', (name) => reached.has(name), kept);
}

function only(
  node: Descriptor,
  name: string,
  isReached: (name: string) => boolean,
  kept: Readonly<Record<string, readonly string[]>>,
): Descriptor {
  const nested = Object.entries(node.nested ?? {}).flatMap(([key, child]) => {
    const childName = name === '' ? key : `${name}.${key}`;
    const methods = kept[childName];
    if (child.methods) return methods ? [[key, { ...child, methods: pick(child.methods, methods) }] as const] : [];
    if (child.fields || child.values) {
      return isReached(childName) ? [[key, only(child, childName, isReached, kept)] as const] : [];
    }
    const inside = child.extend === undefined ? only(child, childName, isReached, kept) : {};
    return inside.nested ? [[key, inside] as const] : [];
  });
  const { nested: _, ...own } = node;
  return nested.length === 0 ? own : { ...own, nested: Object.fromEntries(nested) };
}

/** The full name that `type` has where it is written; undefined for a scalar. */
function resolve(root: Descriptor, type: string, scope: string): string | undefined {
  if (type.startsWith('.')) return type.slice(1);
  const around = scope.split('.');
  for (let depth = around.length; depth >= 0; depth -= 1) {
    const name = [...around.slice(0, depth), type].join('.');
    const found = find(root, name);
    if (found?.fields || found?.values) return name;
  }
  return undefined;
}

function find(root: Descriptor, name: string): Descriptor | undefined {
  return name.split('.').reduce<Descriptor | undefined>((node, part) => node?.nested?.[part], root);
}

function pick<T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

function missing(name: string): never {
  throw new Error(`the descriptor has no ${name}`);
}
