import { present } from '../../base/assert.ts';
import { EMPTY_END } from '../chain.ts';
import type { LogEnd } from '../entry.ts';
import type { FrameKind, Place } from './frame.ts';
import { isBefore } from './frame.ts';
import type { SegmentSummary } from './segment-summary.ts';

/** A partition's entries are found by walking from at most this far before them. */
const POINT_DISTANCE_BYTES = 32 * 1024;

/**
 * Where everything stands in one zone's segments, in memory: every partition's base and end, and a sparse
 * index of places. It is built by telling it every frame in order.
 */
export class LogIndex {
  readonly #segments: SegmentIndex[] = [];
  readonly #ends = new Map<number, LogEnd>();
  readonly #bases = new Map<number, LogEnd>();
  readonly #cuts = new Map<number, Cut[]>();

  get partitions(): Iterable<number> {
    return this.#ends.keys();
  }

  get ends(): ReadonlyMap<number, LogEnd> {
    return this.#ends;
  }

  /** Where the partition's log ends in this zone, durable in two zones or not. */
  end(partition: number): LogEnd {
    return this.#ends.get(partition) ?? EMPTY_END;
  }

  /** The zone holds what comes behind this. */
  base(partition: number): LogEnd {
    return this.#bases.get(partition) ?? EMPTY_END;
  }

  openSegment(segment: number): void {
    this.#segments.push({ segment, points: new Map(), last: new Map(), bases: new Map() });
  }

  /** Forgets the oldest segment, whose file is gone. */
  dropOldest(): void {
    const dropped = present(this.#segments.shift(), 'a segment to drop');
    const next = present(this.#segments[0], 'the segment behind the dropped one');
    for (const [partition, base] of next.bases)
      if (base.index > this.base(partition).index) this.#bases.set(partition, base);
    for (const [partition, cuts] of this.#cuts)
      this.#cuts.set(
        partition,
        cuts.filter((cut) => cut.segment !== dropped.segment),
      );
  }

  /** The highest index of each partition with an entry in the oldest segment. */
  get oldestLast(): ReadonlyMap<number, number> {
    return present(this.#segments[0], 'a segment').last;
  }

  addBase(partition: number, end: LogEnd): void {
    const segment = this.#newest();
    segment.bases.set(partition, end);
    if (this.#ends.has(partition)) return;
    this.#bases.set(partition, end);
    this.#ends.set(partition, end);
  }

  add(kind: FrameKind, partition: number, end: LogEnd, offset: number): void {
    const segment = this.#newest();
    this.#ends.set(partition, end);
    if (kind === 'entry') {
      segment.last.set(partition, Math.max(end.index, segment.last.get(partition) ?? 0));
      addPoint(segment, partition, end.index, offset);
      return;
    }
    const cuts = this.#cuts.get(partition) ?? [];
    const index = kind === 'rebase' ? -1 : end.index;
    cuts.push({ segment: segment.segment, offset, index, end });
    this.#cuts.set(partition, cuts);
    for (const each of this.#segments) dropPoints(each, partition, index);
    if (kind === 'rebase') this.#bases.set(partition, end);
  }

  /** From where a walk over the frames comes to the entry, if the zone has it. */
  locate(partition: number, index: number): Place | undefined {
    for (let at = this.#segments.length - 1; at >= 0; at -= 1) {
      const segment = this.#segments[at];
      const points = segment?.points.get(partition);
      if (segment === undefined || points === undefined || (points.indexes[0] ?? Infinity) > index)
        continue;
      const place = lastAtMost(points.indexes, index);
      return { segment: segment.segment, offset: present(points.offsets[place], 'a place') };
    }
    return undefined;
  }

  /** Whether no later cut voids an entry of this index at this place. */
  isAlive(partition: number, index: number, place: Place): boolean {
    const cuts = this.#cuts.get(partition);
    return cuts === undefined || !cuts.some((cut) => index > cut.index && isBefore(place, cut));
  }

  /** All that is known of the newest segment, which is complete and has this size. */
  summary(sizeBytes: number): Omit<SegmentSummary, 'format'> {
    const { segment, points, last, bases } = this.#newest();
    const cuts = [...this.#cuts].flatMap(([partition, all]) =>
      all
        .filter((cut) => cut.segment === segment)
        .map(({ offset, index, end }) => ({ partition, offset, index, end })),
    );
    return {
      segment,
      sizeBytes,
      bases: [...bases],
      ends: [...this.#ends],
      last: [...last],
      points: [...points],
      cuts: cuts.toSorted((a, b) => a.offset - b.offset),
    };
  }

  /** Takes a segment in from its summary. False, and nothing taken in, when it does not follow what is known. */
  addSummary(summary: SegmentSummary): boolean {
    for (const [partition, base] of summary.bases) {
      const end = this.#ends.get(partition);
      if (end !== undefined && (end.index !== base.index || end.checksum !== base.checksum))
        return false;
    }
    this.openSegment(summary.segment);
    for (const [partition, base] of summary.bases) this.addBase(partition, base);
    for (const { partition, offset, index, end } of summary.cuts)
      this.add(index < 0 ? 'rebase' : 'cut', partition, end, offset);
    const segment = this.#newest();
    for (const [partition, index] of summary.last) segment.last.set(partition, index);
    for (const [partition, points] of summary.points) segment.points.set(partition, points);
    for (const [partition, end] of summary.ends) this.#ends.set(partition, end);
    return true;
  }

  #newest(): SegmentIndex {
    return present(this.#segments.at(-1), 'an open segment');
  }
}

interface Cut extends Place {
  readonly index: number;
  readonly end: LogEnd;
}

interface Points {
  readonly indexes: number[];
  readonly offsets: number[];
}

interface SegmentIndex {
  readonly segment: number;
  readonly points: Map<number, Points>;
  readonly last: Map<number, number>;
  readonly bases: Map<number, LogEnd>;
}

function addPoint(segment: SegmentIndex, partition: number, index: number, offset: number): void {
  const points = segment.points.get(partition);
  if (points === undefined) {
    segment.points.set(partition, { indexes: [index], offsets: [offset] });
    return;
  }
  const lastOffset = points.offsets.at(-1) ?? -POINT_DISTANCE_BYTES;
  if (offset - lastOffset < POINT_DISTANCE_BYTES) return;
  points.indexes.push(index);
  points.offsets.push(offset);
}

function dropPoints(segment: SegmentIndex, partition: number, above: number): void {
  const points = segment.points.get(partition);
  if (points === undefined) return;
  while ((points.indexes.at(-1) ?? -1) > above) {
    points.indexes.pop();
    points.offsets.pop();
  }
  if (points.indexes.length === 0) segment.points.delete(partition);
}

/** The place of the last of the rising `values` that is at most `value`; the first one must be. */
function lastAtMost(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((values[middle] ?? Infinity) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
