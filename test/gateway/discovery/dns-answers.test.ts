import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextService, noService, type Service } from '../../../gateway/discovery/dns-answers.ts';

const after = (...answers: string[]): Service =>
  answers.reduce((service, answer) => nextService(service, answer.split('')), noService);

test.each([
  ['the first answer', ['ba'], 'ab'],
  ['one that comes is there at once', ['a', 'ab'], 'ab'],
  ['one that is lacking once stays', ['ab', 'a'], 'ab'],
  ['one that is lacking twice in a row goes', ['ab', 'a', 'a'], 'a'],
  ['one that flaps stays', ['ab', 'a', 'ab', 'a', 'ab', 'a'], 'ab'],
  ['another set replaces the old one after two answers', ['ab', 'cd', 'cd'], 'cd'],
  ['of two names for one address one counts', ['aa'], 'a'],
])('%s: %j is %s', (_, answers, addresses) => {
  expect(after(...answers).addresses.join('')).toBe(addresses);
});

test('an answer that is given twice is the whole truth, whatever came before and in whatever order', () => {
  const answer = fc.uniqueArray(fc.constantFrom(...'abcdef'), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(answer), answer, (before, last) => {
      const service = after(...before.map((each) => each.join('')), last.join(''), last.toReversed().join(''));
      expect(service).toEqual({ addresses: last.toSorted(), missing: [] });
    }),
  );
});
