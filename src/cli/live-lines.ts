/** The part of a terminal that this needs. */
export interface TerminalOutput {
  readonly columns: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_TO_LINE_END = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';

// oxlint-disable-next-line eslint/no-control-regex -- colours begin with Escape
const COLOR = /\u001B\[[0-9;]*m/gu;

/**
 * Lines at the end of a terminal that are redrawn in place, while other text scrolls by above them. The cursor is
 * hidden in between and stands at the end of the last line.
 */
export class LiveLines {
  readonly #output: TerminalOutput;
  #drawn: readonly string[] = [];
  #columns: number;
  #hidden = false;

  constructor(output: TerminalOutput) {
    this.#output = output;
    this.#columns = output.columns;
  }

  /** No line may be longer than the terminal is wide. */
  draw(lines: readonly string[]): void {
    const hide = this.#hidden ? '' : HIDE_CURSOR;
    this.#hidden = true;
    const start = this.#toStart();
    const resized = this.#columns !== this.#output.columns;
    this.#columns = this.#output.columns;
    const clear = resized ? CLEAR_BELOW : '';
    const body = lines.map((line) => `${line}${CLEAR_TO_LINE_END}`).join('\r\n');
    this.#drawn = lines;
    this.#output.write(`${hide}${start}${clear}${body}${CLEAR_BELOW}`);
  }

  /** Writes whole lines above. */
  print(text: string): void {
    const ended = text.endsWith('\n') ? text : `${text}\n`;
    if (this.#drawn.length === 0) {
      this.#output.write(ended);
      return;
    }
    const lines = this.#drawn;
    const start = this.#toStart();
    this.#drawn = [];
    this.#output.write(`${start}${CLEAR_BELOW}${ended}`);
    this.draw(lines);
  }

  /** Leaves the lines where they are and gives the cursor back. */
  close(): void {
    const end = this.#drawn.length === 0 ? '' : '\r\n';
    this.#drawn = [];
    if (this.#hidden || end !== '') this.#output.write(`${end}${SHOW_CURSOR}`);
    this.#hidden = false;
  }

  /** To the first column of the first line drawn; a terminal that became narrower has wrapped what was drawn. */
  #toStart(): string {
    const columns = Math.max(1, this.#output.columns);
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(line.replaceAll(COLOR, '').length / columns)),
      0,
    );
    return rows > 1 ? `\r\u001B[${rows - 1}A` : '\r';
  }
}
