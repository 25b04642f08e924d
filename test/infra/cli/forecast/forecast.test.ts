import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BacklogState, forecast } from '../../../../infra/cli/forecast/forecast.ts';
import { forecastText } from '../../../../infra/cli/forecast/forecast-text.ts';

const state: BacklogState = {
  messages: 6000,
  oldestAgeSeconds: 600,
  pace: 10,
  profile: [],
  profileStepSeconds: 600,
};

describe('when it is done', () => {
  test.each<[string, Partial<BacklogState>, number | undefined, number | undefined]>([
    ['messages by pace', {}, 600, undefined],
    ['nothing waits', { messages: 0, pace: 0 }, 0, 0],
    ['nothing is done', { pace: 0 }, undefined, undefined],
    ['later than Pub/Sub keeps a message', { pace: 0.001 }, undefined, undefined],
    ['by the profile, step for step', { profile: [5, 0, 20] }, 600, 1200 + 3000 / 20],
    ['a step that tells no pace goes at the present one', { profile: [undefined, 5] }, 600, 600],
    ['after the last step the present pace goes on', { profile: [5] }, 600, 600 + 300],
    ['a profile of nothing says nothing', { profile: [0, undefined] }, 600, undefined],
  ])('%s', (_, changed, doneInSeconds, doneInByProfileSeconds) => {
    expect(forecast({ ...state, ...changed }, 86_400)).toMatchObject({ doneInSeconds, doneInByProfileSeconds });
  });
});

describe('how many will be late', () => {
  test.each([
    ['none in a window of a day', 86_400, {}, 0],
    ['all that are too old already, and go on to be', 300, {}, 6000],
    [
      'the newest half of those that take longer',
      900,
      { oldestAgeSeconds: 0, pace: 5 },
      Math.round(6000 * (300 / 1200)),
    ],
    ['the oldest half of those that are too old', 300, { pace: 1e9 }, 3000],
    ['not known where nothing is done', 300, { pace: 0 }, undefined],
  ])('%s', (_, windowSeconds, changed, late) => {
    expect(forecast({ ...state, ...changed }, windowSeconds).late).toBe(late);
  });

  test('as many as when each is looked at', () => {
    const number = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(number, number, number, number, (messages, oldestAgeSeconds, pace, windowSeconds) => {
        const backlog = { ...state, messages, oldestAgeSeconds, pace };
        const each = Array.from({ length: messages }, (_, index) => {
          const place = (index + 0.5) / messages;
          return oldestAgeSeconds * (1 - place) + (place * messages) / pace > windowSeconds;
        });
        const late = each.filter(Boolean).length;
        expect(Math.abs(forecast(backlog, windowSeconds).late! - late)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test('it is told in sentences', () => {
  expect(forecastText(state, forecast(state, 300), 300)).toBe(
    [
      '6,000 messages wait or are under way, the oldest for 10 min.',
      'At the pace of the last ten minutes, 10.0 a second, the last one is done in 10 min.',
      'With a window of 5 min each, about 6,000 messages of 6,000 will be late: more capacity, a longer window, or fewer of them (backfill cancel) would help.',
    ].join('\n'),
  );
  expect(forecastText({ ...state, messages: 0 }, forecast({ ...state, messages: 0 }, 300), 300)).toBe('Nothing waits.');
  expect(forecastText({ ...state, pace: 0 }, forecast({ ...state, pace: 0 }, 300), 300)).toContain('None was done');
});
