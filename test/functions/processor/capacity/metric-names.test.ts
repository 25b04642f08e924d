import { expect, test } from 'vitest';
import { MetricNames } from '../../../../functions/processor/capacity/metric-names.ts';
import { unix } from '../../../support/instants.ts';

const metric = { names: ['newer', 'older'] } as const;

/** What each name answers; a name that is left out has no series. */
function setUp() {
  const answers: Record<string, number | Error> = {};
  let asked: string[] = [];
  const names = new MetricNames(async (name) => {
    asked.push(name);
    const answer = answers[name];
    if (answer instanceof Error) throw answer;
    return answer === undefined ? [] : [{ labels: {}, value: answer, atMs: unix(0) }];
  });
  return {
    answers,
    async read() {
      asked = [];
      const [gauges] = await names.all(metric);
      return { asked, value: gauges[0]?.value };
    },
  };
}

test('the newer name wins where both have data', async () => {
  const { answers, read } = setUp();
  Object.assign(answers, { newer: 1, older: 2 });
  expect((await read()).value).toBe(1);
});

test('what had data is asked for alone', async () => {
  const { answers, read } = setUp();
  answers.older = 2;
  expect(await read()).toEqual({ asked: ['newer', 'older'], value: 2 });
  expect(await read()).toEqual({ asked: ['older'], value: 2 });
});

test('a renamed metric is found a reading later', async () => {
  const { answers, read } = setUp();
  answers.older = 2;
  await read();
  delete answers.older;
  answers.newer = 1;
  expect((await read()).value).toBeUndefined();
  expect(await read()).toEqual({ asked: ['newer', 'older'], value: 1 });
});

test('a name that Monitoring refuses hides no other', async () => {
  const { answers, read } = setUp();
  Object.assign(answers, { newer: new Error('no such metric'), older: 2 });
  expect((await read()).value).toBe(2);
});

test('refused under one name, without data under the other: no data', async () => {
  const { answers, read } = setUp();
  answers.newer = new Error('no such metric');
  expect((await read()).value).toBeUndefined();
});

test('refused under every name', async () => {
  const { answers, read } = setUp();
  Object.assign(answers, { newer: new Error('away'), older: new Error('away') });
  await expect(read()).rejects.toThrow('away');
});
