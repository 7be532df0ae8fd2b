import { expect, test } from 'vitest';

import { LiveLines } from '../../src/cli/live-lines.ts';

/** Understands what `LiveLines` writes: a small terminal that wraps what does not fit when it becomes narrower. */
class SmallTerminal {
  columns = 20;
  cursorHidden = false;
  #rows = [''];
  #row = 0;
  #column = 0;

  get text(): string {
    return this.#rows.map((row) => row.trimEnd()).join('\n');
  }

  write(text: string): void {
    // oxlint-disable-next-line eslint/no-control-regex -- what a terminal understands
    for (const [part] of text.matchAll(/\u001B\[\??\d*[A-Za-z]|[\s\S]/gu)) this.#take(part);
  }

  /** Wraps every row that is too long, as most terminals do. */
  narrow(columns: number): void {
    this.columns = columns;
    this.#rows = this.#rows.flatMap(
      (row) => row.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? [''],
    );
    this.#row = this.#rows.length - 1;
    this.#column = this.#rows.at(-1)?.length ?? 0;
  }

  #take(part: string): void {
    const row = this.#rows[this.#row] ?? '';
    if (part === '\r') this.#column = 0;
    else if (part === '\n') this.#lineFeed();
    else if (part === '\u001B[K') this.#rows[this.#row] = row.slice(0, this.#column);
    else if (part === '\u001B[J') {
      this.#rows = [...this.#rows.slice(0, this.#row), row.slice(0, this.#column)];
    } else if (part === '\u001B[?25l') this.cursorHidden = true;
    else if (part === '\u001B[?25h') this.cursorHidden = false;
    else if (part.startsWith('\u001B[')) this.#row -= Number(part.slice(2, -1));
    else {
      this.#rows[this.#row] =
        row.slice(0, this.#column).padEnd(this.#column) + part + row.slice(this.#column + 1);
      this.#column += 1;
    }
  }

  #lineFeed(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#rows.length) this.#rows.push('');
  }
}

test('lines are redrawn in place', () => {
  const terminal = new SmallTerminal();
  const lines = new LiveLines(terminal);
  lines.draw(['one', 'two', 'three']);
  lines.draw(['1', '2']);
  expect(terminal.text).toBe('1\n2');
  lines.draw(['first', 'second', 'third']);
  expect(terminal.text).toBe('first\nsecond\nthird');
});

test('other text scrolls by above them', () => {
  const terminal = new SmallTerminal();
  const lines = new LiveLines(terminal);
  lines.print('before');
  lines.draw(['one', 'two']);
  lines.print('between\n');
  lines.draw(['1', '2']);
  expect(terminal.text).toBe('before\nbetween\n1\n2');
});

test('a terminal that became narrower keeps no remains', () => {
  const terminal = new SmallTerminal();
  const lines = new LiveLines(terminal);
  lines.print('log');
  lines.draw(['a line of 18 chars', 'two']);
  terminal.narrow(8);
  lines.draw(['short', 'two']);
  expect(terminal.text).toBe('log\nshort\ntwo');
});

test('the cursor is hidden while they stand, and comes back below them', () => {
  const terminal = new SmallTerminal();
  const lines = new LiveLines(terminal);
  lines.draw(['one', 'two']);
  expect(terminal.cursorHidden).toBe(true);
  lines.close();
  lines.close();
  expect(terminal.cursorHidden).toBe(false);
  lines.print('after');
  expect(terminal.text).toBe('one\ntwo\nafter\n');
});
