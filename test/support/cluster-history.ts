/** A key that one client of one region writes, with numbers that only grow. */
export interface WrittenKey {
  readonly id: string;
  readonly region: string;
  /** The highest number whose write was acknowledged; 0 for none. */
  acknowledged: number;
  /** The highest number whose write was sent. */
  attempted: number;
  /** The highest number that a strong read has answered in the region. */
  seen: number;
}

/** What a strong read must answer at least, and at most, given what is known when it is sent. */
export const floorOf = ({ acknowledged, seen }: WrittenKey): number => Math.max(acknowledged, seen);

/**
 * What clients wrote and strongly read, and whether the answers fit: every key has one writer and growing numbers, so
 * that a strong read that goes back is one below its floor.
 */
export class ClusterHistory {
  readonly #keys: WrittenKey[] = [];
  readonly #wrong: string[] = [];
  #acknowledgedCount = 0;

  /** All keys that were written to. */
  get keys(): readonly WrittenKey[] {
    return this.#keys;
  }

  /** Writes that were acknowledged. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  /** Answers that must not be, in words. */
  get wrong(): readonly string[] {
    return this.#wrong;
  }

  open(id: string, region: string): WrittenKey {
    const key = { id, region, acknowledged: 0, attempted: 0, seen: 0 };
    this.#keys.push(key);
    return key;
  }

  acknowledge(key: WrittenKey, number: number): void {
    key.acknowledged = number;
    this.#acknowledgedCount++;
  }

  /** A strong read of `key`, sent when its floor was `floor`, has answered `number`; 0 for no item. */
  read(key: WrittenKey, number: number, floor: number): void {
    if (number < floor)
      this.report(`a strong read of ${key.id} went back from ${floor} to ${number}`);
    if (number > key.attempted)
      this.report(`a strong read of ${key.id} answered ${number}, which nobody wrote`);
    key.seen = Math.max(key.seen, number);
  }

  report(what: string): void {
    this.#wrong.push(what);
  }

  /** Of the acknowledged writes, those of which `numbers`, by key, knows nothing. */
  lost(
    numbers: ReadonlyMap<string, number>,
    keys: readonly WrittenKey[] = this.#keys,
  ): readonly string[] {
    return keys.flatMap((key) => {
      const number = numbers.get(key.id) ?? 0;
      return number < key.acknowledged
        ? [`${key.id}: ${key.acknowledged} was acknowledged, ${number} is there`]
        : [];
    });
  }
}
