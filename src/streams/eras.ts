import type { HybridTime } from '../clock/hybrid-time.ts';
import type { TableStream } from '../model/table.ts';

/** A place in a log: an entry, or with index 0 the beginning. */
export interface EraPlace {
  readonly index: number;
  /** The partition's time there. */
  readonly time: HybridTime;
}

/** A stretch of one partition's log that belongs to a stream. Its records stand behind `from`, up to and with `to`. */
export interface Era {
  readonly partition: number;
  readonly from: EraPlace;
  /** Undefined while it goes on. */
  readonly to: EraPlace | undefined;
  /** The era that said what happened to the same items before; undefined when the stream begins here. */
  readonly parent: number | undefined;
}

/**
 * A partition that was split in two. It keeps its number and its log, with the lower half of its hashes; a new partition with a
 * log of its own has the upper half.
 */
export interface PartitionSplit {
  readonly parent: number;
  readonly child: number;
  /** The entry of the parent's log behind which the upper half is no longer its own. */
  readonly at: EraPlace;
  /** Where the child's log begins: later than `at`, as a moment. It is there once the child leads its part. */
  readonly childFrom: EraPlace;
}

/**
 * The eras of a stream: one per partition that was there when it was enabled, and per split in its time two that follow the
 * parent's. An era's place in the list names it for ever: splits are only ever added at the end. `splits` are in the order in
 * which they happened, each from the moment on in which the parent's log has it: what a reader takes of the parent's shard
 * behind that would come again with the child's. Those from before the stream, and from after it, do not count; but of a split
 * that was under way when the stream was enabled, the child is followed from its beginning, and when the stream ended, not at all.
 */
export function erasOf(
  { starts, end }: Pick<TableStream, 'starts' | 'end'>,
  splits: readonly PartitionSplit[],
): readonly Era[] {
  const eras = starts.map(({ index, partitionTime: time }, partition): Era => ({
    partition,
    from: { index, time },
    to: undefined,
    parent: undefined,
  }));
  for (const { parent, child, at, childFrom } of splits) {
    const open = eras.findIndex((era) => era.partition === parent && era.to === undefined);
    const era = eras[open];
    const endPlace = end?.places[parent];
    const isAfterStream =
      end !== undefined && (endPlace === undefined || endPlace.index < at.index);
    if (era === undefined || isAfterStream) continue;
    if (at.index <= era.from.index) {
      // Its partition did not lead yet when the stream was enabled: all of its log is behind that.
      if (child >= starts.length)
        eras.push({ partition: child, from: childFrom, to: undefined, parent: undefined });
      continue;
    }
    eras[open] = { ...era, to: at };
    eras.push({ partition: parent, from: at, to: undefined, parent: open });
    eras.push({ partition: child, from: childFrom, to: undefined, parent: open });
  }
  if (end === undefined) return eras;
  return eras.map((era) => {
    if (era.to !== undefined) return era;
    const place = end.places[era.partition];
    // Its partition did not lead yet when the stream ended: nothing of its log is the stream's.
    if (place === undefined) return { ...era, to: era.from };
    return { ...era, to: { index: place.index, time: place.partitionTime } };
  });
}
