/** So many of the last are remembered. */
export const notedTimesMax = 1024;

/** When things that are numbered in their order happened, by a clock of the caller's: the last ones, in memory of a fixed size. */
export class NotedTimes {
  readonly #numbers = new Float64Array(notedTimesMax).fill(-1);
  readonly #timesMs = new Float64Array(notedTimesMax);

  note(number: number, timeMs: number): void {
    const place = number % notedTimesMax;
    this.#numbers[place] = number;
    this.#timesMs[place] = timeMs;
  }

  forget(): void {
    this.#numbers.fill(-1);
  }

  /** Undefined for what was not noted, or is forgotten. */
  at(number: number): number | undefined {
    const place = number % notedTimesMax;
    return this.#numbers[place] === number ? this.#timesMs[place] : undefined;
  }
}
