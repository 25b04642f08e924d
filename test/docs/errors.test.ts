import { expect, test } from 'vitest';
import { type RefusalCode, refusal } from '../../gateway/refusal.ts';
import { readPages } from '../support/markdown-page.ts';

const { text } = readPages().get('docs/calling-the-gateway.md')!;
const rows = [...text.matchAll(/^\| (\d{3}) \| `(\w+)` \| (?:`([\w-]+)` )?\|/gm)].map(([, status, code, reason]) => ({
  status: Number(status),
  code: code as RefusalCode,
  reason,
}));

test('the table of errors has rows', () => {
  expect(rows.length).toBeGreaterThan(10);
});

test.each(rows)('$status $code is what the gateway answers', ({ status, code, reason }) => {
  const answered = refusal(code, '');
  expect(answered.status).toBe(status);
  expect(answered.droppedReason).toBe(reason);
  expect(answered.retryAfterSeconds !== undefined).toBe(reason !== undefined);
});
