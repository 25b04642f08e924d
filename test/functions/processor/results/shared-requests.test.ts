import { describe, expect, test } from 'vitest';
import { type SharedMessage, SharedRequests } from '../../../../functions/processor/results/shared-requests.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

function setUp() {
  const clock = createManualClock(0);
  const sent: { topic: string; ids: string[]; messages: SharedMessage[]; end: () => void; fail: () => void }[] = [];
  const requests = new SharedRequests((topic, messages) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const ids = messages.map(({ attributes }) => attributes.id ?? '');
    sent.push({ topic, ids, messages, end: resolve, fail: () => reject(new Error('refused')) });
    return promise;
  }, clock);
  const publish = (id: string, { topic = 'results', sizeBytes = 1 } = {}) => {
    const publishing = { ended: '' };
    requests.publish({ topic, data: Buffer.alloc(sizeBytes), attributes: { id } }).then(
      () => (publishing.ended = 'confirmed'),
      (error: Error) => (publishing.ended = error.message),
    );
    return publishing;
  };
  return { clock, sent, publish, ids: () => sent.map(({ topic, ids }) => `${topic} ${ids.join()}`) };
}

describe('messages share a request', () => {
  test('that come within 5 ms and go to one topic', async () => {
    const { clock, publish, ids } = setUp();
    publish('a');
    publish('b', { topic: 'retries' });
    await clock.advance(4);
    publish('c');
    expect(ids()).toEqual([]);
    await clock.advance(1);
    publish('d');
    expect(ids()).toEqual(['results a,c', 'retries b']);
    await clock.advance(5);
    expect(ids()).toEqual(['results a,c', 'retries b', 'results d']);
  });
  test('up to a hundred, which go at once', () => {
    const { publish, sent } = setUp();
    for (let index = 0; index < 101; index += 1) publish(`${index}`);
    expect(sent.map(({ ids }) => ids.length)).toEqual([100]);
  });
  test.each([
    ['that are a byte too many', 500_000, 499_995, ['results a']],
    ['that fill it to the byte', 500_000, 499_994, ['results a,b']],
    ['of which one fills it alone', 1, 1_000_000, ['results a', 'results b']],
  ])('up to a million bytes: two %s', (_, first, second, expected) => {
    const { publish, ids } = setUp();
    publish('a', { sizeBytes: first });
    publish('b', { sizeBytes: second });
    expect(ids()).toEqual(expected);
  });
});

test('all of a request are confirmed, or fail, with it alone; and nothing of them is kept', async () => {
  const { clock, publish, sent } = setUp();
  const failing = [publish('a'), publish('b')];
  await clock.advance(5);
  const confirmed = publish('c');
  await clock.advance(5);
  sent[0]?.fail();
  sent[1]?.end();
  await clock.advance(0);
  expect([...failing, confirmed].map(({ ended }) => ended)).toEqual(['refused', 'refused', 'confirmed']);
  expect(sent.map(({ messages }) => messages.length)).toEqual([0, 0]);
});
