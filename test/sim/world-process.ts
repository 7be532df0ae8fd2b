import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

import type { WorldSummary } from './totals.ts';

/** What a process of `main.ts` is asked for. `endsAtViolation`: see `WorldRun`. */
export interface WorldAsked {
  readonly seed: number;
  readonly endsAtViolation: boolean;
}

/** What became of a world; without a hash where its process ended or hung, which is a violation too. */
export type WorldAnswer = Pick<WorldSummary, 'violations'> &
  Partial<Pick<WorldSummary, 'hash' | 'counts'>>;

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

  /** What the world violated first, if anything. */
  async violations(seed: number): Promise<readonly string[]> {
    return (await this.run({ seed, endsAtViolation: true })).violations;
  }

  async run(asked: WorldAsked): Promise<WorldAnswer> {
    const child = (this.#child ??= fork(this.#main, ['--child'], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }));
    const answer = await answerOf(child, asked, this.#worldMsMax);
    if (answer.hash === undefined) this.end();
    return answer;
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

async function answerOf(
  child: ChildProcess,
  asked: WorldAsked,
  msMax: number,
): Promise<WorldAnswer> {
  return new Promise((resolve) => {
    const finish = (answer: WorldAnswer): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ violations: ['process: took too long'] }), msMax);
    const heard = (summary: unknown): void => {
      // It comes from a copy of this very program.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      finish(summary as WorldSummary);
    };
    child.once('message', heard);
    child.once('exit', (code) => finish({ violations: [`process: ended with ${code}`] }));
    child.send(asked);
  });
}
