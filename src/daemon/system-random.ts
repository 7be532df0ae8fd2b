import { randomFillSync } from 'node:crypto';
import type { Random } from '../base/random.ts';

/** `next` is quick and guessable, for jitter and sampling; `bytes` is cryptographic, for ids. */
export class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }

  bytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length));
  }
}
