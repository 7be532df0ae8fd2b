const BAR_COLUMNS = 30;
const PLAIN_STEPS = 10;
const CLEAR_LINE = '\r\u001b[2K';

/** Where the demo writes: a terminal, on which the last line is drawn again and again, or anything else, line by line. */
export interface DemoOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** What the demo shows. */
export class DemoScreen {
  readonly #output: DemoOutput;
  #barDrawn = false;
  #stepsDone = 0;

  constructor(output: DemoOutput) {
    this.#output = output;
  }

  heading(text: string): void {
    this.line('');
    this.line(text);
  }

  line(text: string): void {
    if (this.#barDrawn) this.#output.write('\n');
    this.#barDrawn = false;
    this.#output.write(`${text}\n`);
  }

  /** A bar that fills; without a terminal, a line for each tenth. */
  progress(state: { readonly done: number; readonly total: number; readonly note: string }): void {
    const { done, total, note } = state;
    const share = total === 0 ? 1 : done / total;
    const text = `${counted(done)} of ${counted(total)}  ${note}`;
    if (this.#output.isTTY === true) {
      const filled = Math.floor(share * BAR_COLUMNS);
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
      this.#output.write(`${CLEAR_LINE}  ${bar} ${text}`);
      this.#barDrawn = true;
      return;
    }
    const step = Math.floor(share * PLAIN_STEPS);
    if (step > this.#stepsDone) this.line(`  ${text}`);
    this.#stepsDone = step;
  }
}

/** A whole number for people: 135,233. */
export const counted = (count: number): string => Math.round(count).toLocaleString('en-US');
