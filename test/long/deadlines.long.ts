import { expect, test } from 'vitest';
import { asyncLengths } from '../sim/worlds/async-work.ts';
import { type StackMessage, startDeadlineStack } from '../support/deadlines/deadline-stack.ts';
import { RecordedChats } from '../support/deadlines/recorded-chats.ts';
import { documentBody, untilResults } from '../support/deadlines/stack-work.ts';
import { until } from '../support/poll.ts';
import { report } from '../support/report.ts';

const patient = Number(process.env.PATIENT_MESSAGES ?? 200_000);
const urgent = 100;
const urgentSeconds = 60;
const atOnce = 5000;
/** So many of the patient ones are done when the urgent ones come: the pool is as full as it gets. */
const doneBefore = 500;

test(`${patient} patient messages wait, and ${urgent} with a window of a minute come through the lane`, async () => {
  const stack = await startDeadlineStack();
  const chats = new RecordedChats(stack.gatewayUrl, 2, 3600);
  try {
    const next = asyncLengths('documents', 1);
    // Small ones: what waits is counted here, and not carried.
    const small = documentBody({ promptTokens: 50, outputTokens: 100 });
    const publishFrom = Date.now();
    for (let published = 0; published < patient; published += atOnce) {
      const batch = Array.from({ length: Math.min(atOnce, patient - published) }, (_, index): StackMessage => {
        const id = `patient-${published + index}`;
        return { id, topic: 'requests', body: small, attributes: { window: '24h' } };
      });
      await stack.publish(batch);
    }
    const publishSeconds = Math.round((Date.now() - publishFrom) / 1000);
    await until(() => stack.results.size >= doneBefore, { what: 'the backlog to flow', timeoutMs: 600_000 });
    chats.figures();
    const before = stack.results.size;
    const ids = Array.from({ length: urgent }, (_, index) => `urgent-${index}`);
    const sinceMs = performance.now();
    await stack.publish(
      ids.map((id) => ({
        id,
        topic: 'urgent',
        body: documentBody(next()),
        attributes: { window: `${urgentSeconds}s` },
      })),
    );
    await untilResults(stack, ids);
    const results = ids.map((id) => stack.results.get(id)!);
    const inTime = results.filter(
      ({ status, atMs }) => status === 'succeeded' && atMs - sinceMs <= urgentSeconds * 1000,
    );
    const { chats: chatted, missed } = chats.figures();
    report(`${patient} patient messages, then ${urgent} with a window of ${urgentSeconds} s`, {
      'in time': inTime.length,
      'the last after seconds': Math.round(Math.max(...results.map(({ atMs }) => atMs)) - sinceMs) / 1000,
      escalated: await stack.counted('async_escalated_requests_total'),
      'patient ones done meanwhile': stack.results.size - before - urgent,
      'chats missed': `${missed} of ${chatted}`,
      'published in seconds': publishSeconds,
    });
    expect(inTime.length).toBeGreaterThanOrEqual(99);
  } finally {
    await chats.stop();
    await stack.stop();
  }
});
