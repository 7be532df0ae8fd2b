import { open } from 'node:fs/promises';

import type { DeadLetters } from '../triggers/trigger-target.ts';

/** Letters as lines of a file, synced each. */
export class DeadLetterFile implements DeadLetters {
  readonly #file: string;
  #turn: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  async put(letter: string): Promise<void> {
    const turn = this.#turn.then(async () => this.#append(letter));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async stop(): Promise<void> {
    await this.#turn;
  }

  async #append(letter: string): Promise<void> {
    const file = await open(this.#file, 'a');
    try {
      await file.appendFile(`${letter}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
