import { expect, test } from 'vitest';
import { StatusLine } from '../../../infra/cli/terminal/status-line.ts';

function screen(isTTY: boolean, columns = 80) {
  let written = '';
  return { isTTY, columns, write: (text: string) => (written += text), written: () => written };
}

const clear = '\u001b[K';

test('a terminal sees one line, rewritten', () => {
  const terminal = screen(true);
  const status = new StatusLine(terminal, () => 0);
  status.show('1 of 2');
  status.show('1 of 2');
  status.show('2 of 2');
  expect(terminal.written()).toBe(`\r1 of 2${clear}\r2 of 2${clear}`);
});

test('a line that stays goes above the progress', () => {
  const terminal = screen(true);
  const status = new StatusLine(terminal, () => 0);
  status.show('1 of 2');
  status.say('ready');
  expect(terminal.written()).toBe(`\r1 of 2${clear}\r${clear}ready\n\r1 of 2${clear}`);
});

test('a narrow terminal cuts the line, so that it can be rewritten', () => {
  const terminal = screen(true, 6);
  new StatusLine(terminal, () => 0).show('123456789');
  expect(terminal.written()).toBe(`\r12345${clear}`);
});

test('a terminal that does not know its width has eighty columns', () => {
  const terminal = screen(true, 0);
  new StatusLine(terminal, () => 0).show('x'.repeat(100));
  expect(terminal.written()).toBe(`\r${'x'.repeat(79)}${clear}`);
});

test('elsewhere there is a line every five seconds, without control characters', () => {
  const file = screen(false);
  let nowMs = 0;
  const status = new StatusLine(file, () => nowMs);
  status.show('a');
  nowMs = 4999;
  status.show('b');
  nowMs = 5000;
  status.show('c');
  status.say('said');
  status.clear();
  expect(file.written()).toBe('a\nc\nsaid\n');
});
