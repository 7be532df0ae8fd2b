import type { Random } from '../base/random.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Two letters for each value of ten bits. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, value) => ALPHABET.charAt(value >> 5) + ALPHABET.charAt(value & 31),
);

const PAIRS_PER_ID = 13;
const POOL_BYTES = PAIRS_PER_ID * 2 * 64;

/** DynamoDB's ids are 52 upper-case characters: 26 that vary, and these. */
const SUFFIX = 'VV4KQNSO5AEMVJF66Q9ASUAAJG';

/** Request ids, with chance drawn for 64 of them at a time. */
export class RequestIds {
  readonly #random: Random;
  #pool: Uint8Array = new Uint8Array();
  #used = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    if (this.#used >= this.#pool.length) {
      this.#pool = this.#random.bytes(POOL_BYTES);
      this.#used = 0;
    }
    let id = '';
    for (let pair = 0; pair < PAIRS_PER_ID; pair += 1) {
      const high = this.#pool[this.#used] ?? 0;
      const low = this.#pool[this.#used + 1] ?? 0;
      this.#used += 2;
      id += PAIRS[((high << 8) | low) & 1023] ?? '';
    }
    return id + SUFFIX;
  }
}
