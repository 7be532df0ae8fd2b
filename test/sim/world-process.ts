import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

import type { WorldSummary } from './totals.ts';

/** Runs worlds of built code, one after the other, in a process of its own. */
export class WorldProcess {
  readonly #main: string;
  readonly #worldMsMax: number;
  #child: ChildProcess | undefined;

  /** `folder`: where the built code is. A world that takes longer than `worldMsMax` is ended. */
  constructor(folder: string, worldMsMax: number) {
    this.#main = join(folder, 'test', 'sim', 'main.js');
    this.#worldMsMax = worldMsMax;
  }

  /** What the world violated; a process that ends or hangs is a violation too. */
  async violations(seed: number): Promise<readonly string[]> {
    const child = (this.#child ??= fork(this.#main, ['--child'], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }));
    const violations = await answerOf(child, seed, this.#worldMsMax);
    if (violations.isAlive) return violations.found;
    this.end();
    return violations.found;
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

interface Answer {
  readonly isAlive: boolean;
  readonly found: readonly string[];
}

async function answerOf(child: ChildProcess, seed: number, msMax: number): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(answer);
    };
    const timer = setTimeout(
      () => finish({ isAlive: false, found: ['process: took too long'] }),
      msMax,
    );
    const heard = (summary: unknown): void => {
      // It comes from a copy of this very program.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      finish({ isAlive: true, found: (summary as WorldSummary).violations });
    };
    child.once('message', heard);
    child.once('exit', (code) =>
      finish({ isAlive: false, found: [`process: ended with ${code}`] }),
    );
    child.send(seed);
  });
}
