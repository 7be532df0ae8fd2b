/** Chance as a port: seeded in a simulated world, the system's otherwise. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
}

/** A whole number in [0, bound); `bound` at least 1. */
export const randomBelow = (random: Random, bound: number): number =>
  Math.floor(random.next() * bound);

/** A version 4 UUID (RFC 9562) in lower case, as table ids and log ids are written. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
