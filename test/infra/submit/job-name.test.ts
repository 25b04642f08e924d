import { expect, test } from 'vitest';
import { jobName } from '../../../infra/cli/submit/job-name.ts';

const random = '0f8fad5b-d9cb-469f-a165-70867728950e';

test.each([
  ['prompts.jsonl', 'prompts-0f8fad5bd9cb'],
  ['/data/My prompts (1).ndjson', 'My-prompts-1-0f8fad5bd9cb'],
  ['daten.v2.json', 'daten-v2-0f8fad5bd9cb'],
  ['質問.jsonl', 'file-0f8fad5bd9cb'],
  [`${'x'.repeat(200)}.jsonl`, `${'x'.repeat(40)}-0f8fad5bd9cb`],
])('of %s', (file, name) => {
  expect(jobName(file, random)).toBe(name);
});
