import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answersAsked } from '../../../shared/openai/answers-asked.ts';
import { type ApiRoute, apiRoutes, everyApiRoute } from '../../../shared/openai/api-routes.ts';

const { chatCompletions, completions, embeddings, responses } = apiRoutes;

test.each<[string, ApiRoute, Record<string, unknown>, number]>([
  ['a chat', chatCompletions, { messages: [{}, {}, {}] }, 1],
  ['n', chatCompletions, { n: 3 }, 3],
  ['best_of is none of chat’s', chatCompletions, { best_of: 5 }, 1],
  ['best_of above n', completions, { prompt: 'a', n: 2, best_of: 5 }, 5],
  ['n above best_of', completions, { prompt: 'a', n: 4, best_of: 1 }, 4],
  ['n of several prompts', completions, { prompt: ['a', 'b', 'c'], n: 2 }, 6],
  ['token ids are one prompt', completions, { prompt: [1, 2, 3] }, 1],
  ['lists of token ids', completions, { prompt: [[1, 2], [3]] }, 2],
  ['no prompt in the list', completions, { prompt: [] }, 1],
  ['texts to embed', embeddings, { input: ['a', 'b'], n: 7 }, 2],
  ['a conversation to embed', embeddings, { messages: [{}, {}] }, 1],
  ['the items of a response are one prompt', responses, { input: [{}, {}], n: 2 }, 1],
  ['n of 0', chatCompletions, { n: 0 }, 1],
  ['negative n', chatCompletions, { n: -2 }, 1],
  ['a fraction', chatCompletions, { n: 1.5 }, 1],
  ['a text', chatCompletions, { n: '3' }, 1],
  ['null', chatCompletions, { n: null }, 1],
  ['more than any server generates', chatCompletions, { n: 1e15 }, 16_384],
])('%s', (_, route, body, expected) => {
  expect(answersAsked(route, body)).toBe(expected);
});

test('whatever the body says, it is a whole number of at least 1', () => {
  fc.assert(
    fc.property(fc.constantFrom(...everyApiRoute), fc.jsonValue(), fc.jsonValue(), (route, prompt, n) => {
      const asked = answersAsked(route, { prompt, input: prompt, messages: prompt, n, best_of: n });
      expect(Number.isSafeInteger(asked) && asked >= 1).toBe(true);
    }),
  );
});
