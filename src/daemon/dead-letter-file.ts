import { open, type FileHandle } from 'node:fs/promises';

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
    const file = await open(this.#file, 'a+');
    try {
      await file.appendFile(`${(await endsInLine(file)) ? '\n' : ''}${letter}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Whether a letter that was not written to its end is the last thing there: what follows begins a line of its own. */
async function endsInLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString('latin1') !== '\n';
}
