import { pairLine, regionLine } from './lab-screen.ts';
import type { LabState, PairState } from './lab-state.ts';
import { pairName } from './lab-state.ts';

const LAG_STEPS_MS = [1, 1000, 10_000, 60_000, 600_000] as const;

/** Tells, for output that is no terminal, what has changed meaningfully since it was last told. */
export class LabChanges {
  readonly #told = new Map<string, string>();

  /** A line for each pair and region that is not as it was last told; all of them the first time. */
  linesFor({ pairs, regions }: LabState): readonly string[] {
    return [
      ...regions.flatMap((region) => {
        const line = regionLine(region);
        return this.#isNews(region.region, line) ? [line] : [];
      }),
      ...pairs.flatMap((pair) =>
        this.#isNews(pairName(pair.source, pair.target), gist(pair)) ? [pairLine(pair)] : [],
      ),
    ];
  }

  #isNews(name: string, gistNow: string): boolean {
    const before = this.#told.get(name);
    this.#told.set(name, gistNow);
    return before !== gistNow;
  }
}

/** Two states of a pair with the same gist need not both be told: numbers that only move a little are no news. */
function gist({ up, delayMs, shipping, lagMs, recordsPerSecond, conflicts }: PairState): string {
  const lagStep = lagMs === undefined ? '-' : LAG_STEPS_MS.filter((step) => lagMs >= step).length;
  return [up, delayMs, shipping, lagStep, recordsPerSecond > 0, conflicts].join(' ');
}
