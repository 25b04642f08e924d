import { type Api, done, project, projectNumber, type Resource } from './world.ts';

/** A build, as it is answered when it is submitted and when its operation is asked for: it has succeeded at once. */
export function buildIn(location: string): Resource {
  const name = `projects/${projectNumber}/locations/${location}/builds/b1`;
  const results = { images: [{ name: 'function', digest: `sha256:${'0'.repeat(64)}` }] };
  return { id: 'b1', name, projectId: project, status: 'SUCCESS', results, logUrl: 'https://logs.example' };
}

/** Cloud Build: operations, and builds that are submitted, which are kept. */
export const build: Api = (world, { method, path, body }) => {
  if (method === 'POST' && path.endsWith('/builds')) {
    world.resources.set(`submitted/${world.list('submitted').length}`, body as Resource);
    const submitted = { ...(body as Resource), ...buildIn('global'), status: 'QUEUED' };
    return { body: { name: 'operations/build/b1', metadata: { build: submitted } } };
  }
  const [, parent = '', location = ''] = /^v1\/(projects\/[^/]+\/locations\/([^/]+))\/operations\//.exec(path) ?? [];
  return parent === '' ? undefined : done(parent, buildIn(location));
};

/** Buckets and what is put into them; the contents are not kept. */
export const storage: Api = (world, { method, path, query, body }) => {
  const below = path.replace(/^(upload\/)?storage\/v1\//, '');
  const [, bucket, part] = below.split('/');
  const name = `b/${bucket}`;
  const shown = (resource: Resource | undefined): Resource => ({
    ...resource,
    name: String(resource?.name).slice(2),
    id: bucket,
  });
  if (bucket === undefined) {
    if (method === 'GET')
      return { body: { items: world.list('b').map((found) => ({ ...shown(found), id: shown(found).name })) } };
    const created = world.create(`b/${(body as Resource).name}`, { ...(body as Resource), projectNumber });
    return created.status === undefined ? { body: shown(created.body as Resource) } : created;
  }
  if (path.startsWith('upload/')) {
    // gcloud compares the size, which its request says before the contents.
    const size = /"size": "(\d+)"/.exec(String(body))?.[1];
    return { body: { bucket, name: query.get('name'), generation: '1', size } };
  }
  if (part === 'iam') return method === 'GET' ? world.policy(name) : world.setPolicy(name, body as Resource);
  if (part === 'o') return { body: { items: [] } };
  const answer =
    method === 'GET'
      ? world.get(name)
      : method === 'DELETE'
        ? world.delete(name)
        : world.update(name, body as Resource);
  return answer.status === undefined && method !== 'DELETE' ? { body: shown(answer.body as Resource) } : answer;
};
