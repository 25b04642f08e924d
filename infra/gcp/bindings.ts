import { type Gcloud, Refusal } from './gcloud.ts';

/** A place whose IAM policy gcloud reads and changes: `['pubsub', 'topics']` with a topic's name. */
export interface Place {
  readonly group: readonly string[];
  readonly id: string;
  readonly more?: readonly string[];
}

interface Policy {
  readonly bindings?: readonly {
    readonly role: string;
    readonly members?: readonly string[];
    readonly condition?: unknown;
  }[];
}

/** @throws {Refusal} where the place does not exist, but for a dry run, which made nothing. */
export async function policyOf(gcloud: Gcloud, { group, id, more = [] }: Place): Promise<Policy> {
  const policy = await gcloud.read<Policy>(...group, 'get-iam-policy', id, ...more);
  if (policy) return policy;
  if (gcloud.isDryRun) return {};
  throw new Refusal(`${group.join(' ')} ${id} does not exist`);
}

/** Roles that the account has there without a condition. */
export function rolesOf({ bindings = [] }: Policy, email: string): readonly string[] {
  const has = (members: readonly string[] = []): boolean => members.includes(`serviceAccount:${email}`);
  return bindings.filter(({ members, condition }) => condition === undefined && has(members)).map(({ role }) => role);
}

/** Gives the account the role there, unless it has it. */
export async function bind(gcloud: Gcloud, place: Place, email: string, role: string, known?: Policy): Promise<void> {
  const policy = known ?? (await policyOf(gcloud, place));
  if (!rolesOf(policy, email).includes(role)) await changeBinding(gcloud, 'add', place, email, role);
}

/** Gives the account the role there, or takes it away. */
export async function changeBinding(
  gcloud: Gcloud,
  verb: 'add' | 'remove',
  { group, id, more = [] }: Place,
  email: string,
  role: string,
): Promise<void> {
  // Where a policy has conditions gcloud asks for one, and takes None as an answer; some groups know no conditions.
  const condition = group[0] === 'projects' ? ['--condition', 'None'] : [];
  const binding = ['--member', `serviceAccount:${email}`, '--role', role, ...condition];
  await gcloud.change(...group, `${verb}-iam-policy-binding`, id, ...more, ...binding);
}
