import { type Api, done, fault, project, projectNumber, type Resource, type World } from './world.ts';

/** Get, change and delete, which need no more than a name; undefined for other methods. */
function plain(world: World, method: string, name: string, change: Resource) {
  if (method === 'GET') return world.get(name);
  if (method === 'PATCH') return world.update(name, change);
  return method === 'DELETE' ? world.delete(name) : undefined;
}

/** Topics and subscriptions. */
export const pubsub: Api = (world, call) => {
  const { method, path, body } = call;
  const name = path.replace('v1/', '');
  const [, , kind = '', id] = name.split('/');
  if (id === undefined) return { body: { [kind]: world.list(name) } };
  if (method === 'PUT') return world.create(name, body as Resource);
  const {
    subscription,
    topic,
    updateMask = '',
  } = body as { subscription?: Resource; topic?: Resource; updateMask?: string };
  // What the mask names and the change has not is cleared.
  const cleared = Object.fromEntries(updateMask.split(',').map((field) => [field, undefined]));
  return world.iam(call) ?? plain(world, method, name, { ...cleared, ...subscription, ...topic });
};

/** Service accounts. */
export const iam: Api = (world, call) => {
  const { method, body } = call;
  const path = call.path.replace('projects/-/', `projects/${project}/`);
  const name = path.replace('v1/', '');
  const collection = `projects/${project}/serviceAccounts`;
  const { accountId, serviceAccount } = body as { accountId: string; serviceAccount?: Resource };
  if (name === collection && method === 'GET') return { body: { accounts: world.list(collection) } };
  if (name !== collection) return world.iam({ ...call, path }) ?? plain(world, method, name, serviceAccount ?? {});
  const email = `${accountId}@${project}.iam.gserviceaccount.com`;
  return world.create(`${collection}/${email}`, { ...serviceAccount, email, projectId: project });
};

/** The project itself. */
export const resourceManager: Api = (world, call) =>
  world.iam(call) ?? { body: { projectId: project, projectNumber, name: project, lifecycleState: 'ACTIVE' } };

/** Alert policies. */
export const monitoring: Api = (world, { method, path, body }) => {
  const name = path.replace('v3/', '');
  const collection = `projects/${project}/alertPolicies`;
  if (name !== collection) return plain(world, method, name, body as Resource);
  if (method === 'GET') return { body: { alertPolicies: world.list(collection) } };
  return world.create(`${collection}/${world.resources.size + 1}`, body as Resource);
};

/** Which APIs are enabled. */
export const serviceUsage: Api = (world, { method, path, body }) => {
  const collection = `projects/${project}/services`;
  const last = path.split('/').at(-1) ?? '';
  if (last === 'services') return { body: { services: world.list(collection) } };
  if (method === 'GET') return { body: world.resources.get(`${collection}/${last}`) ?? { state: 'DISABLED' } };
  const { serviceIds = [last.replace(':enable', '')] } = body as { serviceIds?: string[] };
  for (const id of serviceIds) world.create(`${collection}/${id}`, { config: { name: id }, state: 'ENABLED' });
  return { body: { name: 'operations/noop', done: true, response: {} } };
};

/** Repositories of images. */
export const artifactRegistry: Api = (world, call) => {
  const { method, path, query, body } = call;
  const policy = world.iam(call);
  if (policy) return policy;
  const name = path.replace('v1/', '');
  const parent = `projects/${project}/locations/${path.split('/')[4]}`;
  if (method === 'POST') {
    const created = world.create(`${name}/${query.get('repositoryId')}`, body as Resource);
    return created.status === undefined ? done(parent, created.body) : created;
  }
  const answer = plain(world, method, name, body as Resource);
  return method === 'DELETE' && answer?.status === undefined ? done(parent) : answer;
};

/** Secrets, each with its text beside it. */
export const secretManager: Api = (world, call) => {
  const policy = world.iam(call);
  if (policy) return policy;
  const [, name = ''] = /^v1\/(projects\/[^/]+\/secrets\/[^/]+)\/versions\/[^/]+:access$/.exec(call.path) ?? [];
  const secret = world.resources.get(name);
  if (!secret) return fault(404, 'NOT_FOUND', `Secret [${name}] not found or has no versions.`);
  return { body: { name, payload: { data: Buffer.from(String(secret.text)).toString('base64') } } };
};
