import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinkedList, type ListNode } from '../../../shared/runtime/linked-list.ts';

test('a list holds what a Set would hold, in the same order, whatever is added and removed', () => {
  const step = fc.record({ which: fc.nat(5), adds: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new LinkedList<number>();
      const nodes = new Map<number, ListNode<number>>();
      const model = new Set<number>();
      for (const { which, adds } of steps) {
        if (adds && !model.has(which)) nodes.set(which, list.add(which));
        if (adds) model.add(which);
        else {
          // Also a node that was removed before.
          const node = nodes.get(which);
          if (node) list.remove(node);
          model.delete(which);
        }
        expect([...list]).toEqual([...model]);
        expect([list.size, list.first]).toEqual([model.size, [...model][0]]);
        for (const [value, { removed }] of nodes) expect(removed).toBe(!model.has(value));
      }
    }),
  );
});

test('a value that is visited may be removed meanwhile', () => {
  const list = new LinkedList<string>();
  const values = ['first', 'second', 'third'];
  const nodes = new Map(values.map((value) => [value, list.add(value)]));
  const visited = [];
  for (const value of list) {
    visited.push(value);
    list.remove(nodes.get(value)!);
  }
  expect(visited).toEqual(values);
  expect(list.size).toBe(0);
});

test('a node that was removed links to no other', () => {
  const list = new LinkedList<string>();
  const [, second] = ['first', 'second', 'third'].map((value) => list.add(value));
  list.remove(second!);
  expect(second).toEqual({ value: 'second', before: undefined, after: undefined, removed: true });
  expect([...list]).toEqual(['first', 'third']);
});
