/**
 * Hybrid time: one whole number that orders writes and stays close to wall time. It counts ticks of 1/1024 ms
 * since 1970, so that a version's place among those of the same millisecond is part of the number, a
 * successor is `time + 1`, and comparing is `<`. Exact as a JavaScript number until the year 2248.
 */
export type HybridTime = number;

export const TICKS_PER_MS = 1024;

/** The first tick of a wall time in milliseconds. */
export const hybridTimeOf = (wallMs: number): HybridTime => Math.floor(wallMs * TICKS_PER_MS);

/** The wall time in milliseconds, fractional. */
export const wallMsOf = (time: HybridTime): number => time / TICKS_PER_MS;
