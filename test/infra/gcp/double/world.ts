/** A resource as its API shows it. */
export type Resource = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}

export interface ApiCall {
  readonly method: string;
  /** Below the host, without a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Of a host that begins with one. */
  readonly region?: string;
}

/** Undefined: the double does not play this call. */
export type Api = (world: World, call: ApiCall) => Answer | undefined;

interface Policy {
  readonly bindings?: readonly { readonly role: string; readonly members: readonly string[] }[];
}

export const project = 'test-project';
export const projectNumber = '123456789012';

/** All that exists in the project, by full name (`projects/P/topics/T`), with the IAM policies beside. */
export class World {
  readonly resources = new Map<string, Resource>();
  readonly policies = new Map<string, Policy>();
  /** Parts of paths that are answered 403. */
  readonly denied = new Set<string>();
  /** How many of the next calls that name an account are refused, as Google does while an account is new. */
  freshAccountRefusals = 0;

  create(name: string, resource: Resource): Answer {
    if (this.resources.has(name)) return fault(409, 'ALREADY_EXISTS', `Resource already exists: ${name}`);
    this.resources.set(name, withoutZeros({ ...resource, name }));
    return this.get(name);
  }

  get(name: string): Answer {
    const body = this.resources.get(name);
    return body ? { body } : fault(404, 'NOT_FOUND', `Resource not found (resource=${name}).`);
  }

  /** Fields of `change` replace those that are there. */
  update(name: string, change: Resource): Answer {
    const before = this.resources.get(name);
    if (before) this.resources.set(name, withoutZeros({ ...before, ...change, name }));
    return this.get(name);
  }

  delete(name: string): Answer {
    return this.resources.delete(name) ? {} : this.get(name);
  }

  /** Direct children: `projects/P/topics` has `projects/P/topics/T`. */
  list(collection: string): Resource[] {
    const isChild = (name: string): boolean => name.split('/').slice(0, -1).join('/') === collection;
    return [...this.resources].filter(([name]) => isChild(name)).map(([, resource]) => resource);
  }

  /** Members of the role on a resource. */
  members(name: string, role: string): readonly string[] {
    return this.policies.get(name)?.bindings?.find((binding) => binding.role === role)?.members ?? [];
  }

  /** `NAME:getIamPolicy` and `NAME:setIamPolicy`, which most APIs have alike; undefined for other calls. */
  iam({ path, body }: Pick<ApiCall, 'path' | 'body'>): Answer | undefined {
    const [, name = '', verb] = /^v\d\/(.*):(get|set)IamPolicy$/.exec(path) ?? [];
    if (verb === undefined) return undefined;
    return verb === 'get' ? this.policy(name) : this.setPolicy(name, (body as { policy: Policy }).policy);
  }

  policy(name: string): Answer {
    if (name !== `projects/${project}` && !this.resources.has(name)) return this.get(name);
    return { body: { etag: 'ACAB', ...this.policies.get(name) } };
  }

  setPolicy(name: string, policy: Policy): Answer {
    const members = (policy.bindings ?? []).flatMap((binding) => binding.members);
    const stranger = members.find((member) => !this.#exists(member)) ?? this.#takeRefusal(members.at(-1));
    if (stranger !== undefined) {
      return fault(
        400,
        'INVALID_ARGUMENT',
        `Service account ${stranger.replace('serviceAccount:', '')} does not exist.`,
      );
    }
    this.policies.set(name, policy);
    return { body: policy };
  }

  #takeRefusal(member: string | undefined): string | undefined {
    if (this.freshAccountRefusals === 0) return undefined;
    this.freshAccountRefusals -= 1;
    return member;
  }

  #exists(member: string): boolean {
    const email = /^serviceAccount:(.*\.iam\.gserviceaccount\.com)$/.exec(member)?.[1];
    return email === undefined || this.resources.has(`projects/${project}/serviceAccounts/${email}`);
  }
}

/** An error as Google's APIs write it. */
export function fault(code: number, status: string, message: string): Answer {
  return { status: code, body: { error: { code, status, message } } };
}

/** A long-running operation that is over. `parent` is where it stands, as in `projects/P/locations/R`. */
export function done(parent: string, response: unknown = {}): Answer {
  return { body: { name: `${parent}/operations/1`, done: true, response } };
}

/** Answers of Google's APIs leave out numbers and texts that have their default. */
function withoutZeros<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutZeros) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== 0 && field !== '');
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutZeros(field)])) as T;
}
