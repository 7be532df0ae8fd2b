/** Buckets per doubling: a quantile is exact to about 2 %. */
const BUCKETS_PER_OCTAVE = 32;
const FIRST_US = 1;
/** Up to 2^26 microseconds, about 67 seconds; what is longer counts as that. */
const OCTAVES = 26;

/** Counts latencies in buckets that grow by a constant factor, so that recording one allocates nothing. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS_PER_OCTAVE * OCTAVES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(latencyMs: number): void {
    const us = Math.max(latencyMs * 1000, FIRST_US);
    const bucket = Math.min(
      Math.floor(Math.log2(us) * BUCKETS_PER_OCTAVE),
      this.#counts.length - 1,
    );
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The latency in milliseconds that the share `quantile` of all did not exceed; undefined when there are none. */
  quantileMs(quantile: number): number | undefined {
    if (this.#count === 0) return undefined;
    const wanted = Math.max(1, Math.ceil(this.#count * quantile));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE) / 1000;
    }
    return undefined;
  }
}
