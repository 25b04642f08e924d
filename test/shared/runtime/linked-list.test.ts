import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinkedList, type ListMember, type ListNode } from '../../../shared/runtime/linked-list.ts';

class Member implements ListMember<Member> {
  node: ListNode<Member> | undefined;
}

test('a roll is what a Set is, whoever comes and goes', () => {
  const step = fc.record({ who: fc.nat(5), comes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const members = Array.from({ length: 6 }, () => new Member());
      const roll = new LinkedList<Member>();
      const model = new Set<Member>();
      for (const { who, comes } of steps) {
        const member = members[who]!;
        if (comes && !model.has(member)) roll.add(member);
        if (comes) model.add(member);
        else {
          roll.delete(member);
          model.delete(member);
        }
        expect([...roll]).toEqual([...model]);
        expect([roll.size, roll.first]).toEqual([model.size, [...model][0]]);
      }
    }),
  );
});

test('whoever is visited may leave', () => {
  const roll = new LinkedList<Member>();
  const members = Array.from({ length: 3 }, () => new Member());
  for (const member of members) roll.add(member);
  const visited = [];
  for (const member of roll) {
    visited.push(member);
    roll.delete(member);
  }
  expect(visited).toEqual(members);
  expect(roll.size).toBe(0);
});

test('the departed hold nobody', () => {
  const roll = new LinkedList<Member>();
  const [first, second, third] = [new Member(), new Member(), new Member()];
  for (const member of [first, second, third]) roll.add(member);
  const { node } = second;
  roll.delete(second);
  expect([second.node, node?.before, node?.after]).toEqual([undefined, undefined, undefined]);
  expect([...roll]).toEqual([first, third]);
});
