import type { Readable } from 'node:stream';

import type { Logger } from '../telemetry/logger.ts';

/** Of what a handler writes during one invocation, so much goes to the log. */
const LINES_MAX = 100;
const LINE_CHARACTERS_MAX = 2000;
/** More than this during one invocation, and its process is ended. */
export const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** What a handler writes to its standard output or errors: to the log, line by line, as much of it as is bounded. */
export class HandlerOutput {
  readonly #logger: Logger;
  readonly #onFlood: () => void;
  #bytes = 0;
  #lines = 0;
  #begun = '';

  constructor(
    stream: Readable,
    { logger, onFlood }: { readonly logger: Logger; readonly onFlood: () => void },
  ) {
    this.#logger = logger;
    this.#onFlood = onFlood;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#take(text);
    });
    stream.on('end', () => {
      if (this.#begun !== '') this.#write(this.#begun);
    });
    stream.on('error', () => {});
  }

  /** Another invocation begins. */
  begin(): void {
    this.#bytes = 0;
    this.#lines = 0;
  }

  #take(text: string): void {
    this.#bytes += text.length;
    if (this.#bytes > OUTPUT_BYTES_MAX) {
      this.#onFlood();
      return;
    }
    if (this.#lines > LINES_MAX) return;
    const [first = '', ...rest] = text.split('\n');
    let line = this.#begun + first.slice(0, LINE_CHARACTERS_MAX);
    for (const next of rest) {
      this.#write(line);
      line = next;
    }
    this.#begun = line.slice(0, LINE_CHARACTERS_MAX);
  }

  #write(line: string): void {
    this.#lines += 1;
    if (this.#lines > LINES_MAX + 1) return;
    if (this.#lines === LINES_MAX + 1) {
      this.#logger.warn({}, 'a handler writes more lines than are logged of one invocation');
      return;
    }
    this.#logger.info({ line: line.slice(0, LINE_CHARACTERS_MAX) }, 'output of a handler');
  }
}
