import { describe, expect, test } from 'vitest';
import { withinLimits } from '../../../shared/pubsub/outgoing-message.ts';

describe('attributes are well-formed before they are counted', () => {
  const rows: [string, Record<string, string>, Record<string, string>, Record<string, string>][] = [
    ['half a pair in an own value', { id: 'a\ud83d' }, {}, { id: 'a\ufffd' }],
    ['half a pair in a value', {}, { k: '\ude00b' }, { k: '\ufffdb' }],
    ['half a pair in a key', {}, { '\ud83d': 'v' }, { '\ufffd': 'v' }],
    ['a whole pair', { id: '\ud83d\ude00' }, { '\u{1f600}': 'v' }, { id: '\u{1f600}', '\u{1f600}': 'v' }],
    ['two keys that become one', {}, { '\ud800': 'a', '\ud801': 'b' }, { '\ufffd': 'b' }],
  ];
  test.each(rows)('%s', (_, own, others, expected) => {
    expect(withinLimits(own, others)).toEqual(expected);
  });
});
