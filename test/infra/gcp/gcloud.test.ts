import { expect, test } from 'vitest';
import { CommandFailure, type CommandResult, Gcloud, Refusal, readingFault, shown } from '../../../infra/gcp/gcloud.ts';

const fresh =
  'ERROR: (gcloud.projects.add-iam-policy-binding) INVALID_ARGUMENT: Service account a@p.iam.gserviceaccount.com does not exist.';

function world(answers: readonly Partial<CommandResult>[], isDryRun = false) {
  const ran: string[] = [];
  const pausesMs: number[] = [];
  const printed: string[] = [];
  const gcloud = new Gcloud({
    project: 'test-project',
    isDryRun,
    run: async (args) => {
      ran.push(args.join(' '));
      return { status: 0, stdout: '', stderr: '', ...answers[Math.min(ran.length, answers.length) - 1] };
    },
    pause: async (ms) => pausesMs.push(ms),
    print: (line) => printed.push(line),
  });
  return { gcloud, ran, pausesMs, printed };
}

test.each<[string, string, ReturnType<typeof readingFault>]>([
  ['Pub/Sub', 'ERROR: (gcloud.pubsub.topics.describe) NOT_FOUND: Resource not found (resource=x).', 'absent'],
  ['Cloud Run', 'ERROR: (gcloud.run.services.describe) Cannot find service [x]', 'absent'],
  ['a bucket', 'ERROR: (gcloud.storage.buckets.describe) gs://x not found: 404.', 'absent'],
  [
    'denied',
    'ERROR: (gcloud.pubsub.topics.describe) PERMISSION_DENIED: User not authorized to perform this action.',
    'denied',
  ],
  [
    'denied, or it may not exist',
    "Permission 'run.services.get' denied on resource 'x' (or resource may not exist).",
    'denied',
  ],
  ['a bucket that is denied', 'HTTPError 403: x does not have storage.buckets.get access', 'denied'],
  ['no credentials', 'ERROR: (gcloud.run) You do not currently have an active account selected.', 'other'],
])('what is absent is told from what is denied: %s', (_service, stderr, expected) => {
  expect(readingFault(stderr)).toBe(expected);
});

test('an absent resource is undefined; one that may not be read, and one that cannot be, refuse', async () => {
  expect(await world([{ status: 1, stderr: 'NOT_FOUND' }]).gcloud.read('x')).toBeUndefined();
  await expect(world([{ status: 1, stderr: 'PERMISSION_DENIED' }]).gcloud.read('x')).rejects.toThrow(Refusal);
  await expect(world([{ status: 127, stderr: 'spawn gcloud ENOENT' }]).gcloud.read('x')).rejects.toThrow('ENOENT');
  expect(await world([{ stdout: '{"a":1}' }]).gcloud.read('x')).toEqual({ a: 1 });
});

test('a new account that is not known yet is tried again, for two minutes', async () => {
  const soon = world([{ status: 1, stderr: fresh }, { status: 1, stderr: fresh }, {}]);
  await soon.gcloud.change('projects', 'add-iam-policy-binding', 'test-project');
  expect(soon.ran).toHaveLength(3);
  expect(soon.pausesMs).toEqual([1000, 2000]);

  const never = world([{ status: 1, stderr: fresh }]);
  await expect(never.gcloud.change('x')).rejects.toThrow(CommandFailure);
  const totalMs = never.pausesMs.reduce((sum, ms) => sum + ms, 0);
  expect(totalMs).toBeGreaterThanOrEqual(90_000);
  expect(totalMs).toBeLessThanOrEqual(150_000);
});

const disabled =
  'ERROR: (gcloud.pubsub.topics.list) PERMISSION_DENIED: Cloud Pub/Sub API has not been used in project 1 before or it is disabled.';

test('an API that was just enabled is waited for, one that was not is a refusal', async () => {
  const after = world([{}, { status: 1, stderr: disabled }, { stdout: '[]' }]);
  await after.gcloud.change('services', 'enable', 'pubsub.googleapis.com');
  expect(await after.gcloud.read('pubsub', 'topics', 'list')).toEqual([]);
  expect(after.pausesMs).toEqual([1000]);
  await expect(world([{ status: 1, stderr: disabled }]).gcloud.read('x')).rejects.toThrow(Refusal);
  // A dry run enables none, and finds nothing.
  expect(await world([{ status: 1, stderr: disabled }], true).gcloud.read('x')).toBeUndefined();
});

test('any other failure is final', async () => {
  const { gcloud, ran } = world([
    { status: 1, stderr: 'INVALID_ARGUMENT: Role roles/x is not supported for this resource.' },
  ]);
  await expect(gcloud.change('x')).rejects.toThrow('Role roles/x is not supported');
  expect(ran).toHaveLength(1);
});

test('a dry run reads, and prints what it would run, as it would be typed', async () => {
  const { gcloud, ran, printed } = world([], true);
  await gcloud.read('pubsub', 'topics', 'list');
  await gcloud.change('run', 'deploy', "it's");
  expect(ran).toEqual(['pubsub topics list --format json --project test-project']);
  expect(printed).toEqual([`would run: gcloud run deploy 'it'\\''s' --quiet --project test-project`]);
  expect(gcloud.changes).toBe(1);
  expect(shown(['a=b:c', ''])).toBe("a=b:c ''");
});
