import type { Position } from '../../storage/apply.ts';
import { epochEndsMax, readHeldHashes } from '../../storage/copy.ts';
import {
  itemKeyIn,
  itemSpaceRange,
  PARTITION_TABLE,
  tableHashes,
} from '../../storage/key-layout.ts';
import type { KeyValueSnapshot } from '../../storage/key-value-store.ts';
import { StoreError } from '../../storage/key-value-store.ts';
import { decodePair } from '../../storage/read.ts';
import { tablesIn } from '../../storage/table-count.ts';
import type { ReceivedRecord } from '../partition.ts';

/** Pairs read at a time, and about how many bytes of records go into one batch. */
const pairsPerRead = 64;
const batchBytes = 256 * 1024;

/** Where a log stands, and where its epochs have begun and ended. */
export interface Line {
  readonly position: Position;
  /** Of those before the current one, oldest first. */
  readonly epochEnds: readonly Position[];
  /** The first entries of those of which that is known, oldest first. */
  readonly epochStarts: readonly Position[];
}

/**
 * `behind`: the position is on the line. `forked`: behind `at` it is not. `unknown`: the line does not reach back to where they
 * have parted. `foreign`: they have nothing in common.
 */
export type Parting =
  | { readonly kind: 'behind' | 'unknown' | 'foreign' }
  | { readonly kind: 'forked'; readonly at: Position };

/**
 * How the log of a copy has parted from a line. Entries of one log id and epoch are of one chain, since one leader has made them,
 * as long as the same entry has opened that epoch: when a stream went back, another leader opens the same epoch once more, perhaps
 * behind the same entry. Where an opening entry is not known, that of the epoch before must do.
 */
export function partingOf(own: Line, line: Line): Parting {
  if (own.position.index === 0) return { kind: 'behind' };
  const [ours, theirs] = [own, line].map(({ epochEnds, position }) => [...epochEnds, position]);
  if (ours === undefined || theirs === undefined) return { kind: 'unknown' };
  for (let at = ours.length - 1; at >= 0; at -= 1) {
    const parting = isOpenedTwice(ours[at], own, line)
      ? undefined
      : partingIn({ ours, at, theirs });
    if (parting !== undefined) return parting;
  }
  return own.epochEnds.length === 0 ? partingByEpoch(own.position, line) : { kind: 'unknown' };
}

/** Whether two entries have opened the epoch. */
function isOpenedTwice(end: Position | undefined, own: Line, line: Line): boolean {
  const [ours, theirs] = [own, line].map(({ epochStarts }) =>
    epochStarts.findLast(({ logId, epoch }) => logId === end?.logId && epoch === end.epoch),
  );
  return ours !== undefined && theirs !== undefined && ours.checksum !== theirs.checksum;
}

/** Undefined where the epoch at that place is not on the line, or is another one there. */
function partingIn({
  ours,
  at,
  theirs,
}: {
  readonly ours: readonly Position[];
  readonly at: number;
  readonly theirs: readonly Position[];
}): Parting | undefined {
  const end = ours[at];
  const place = theirs.findIndex(({ logId, epoch }) => logId === end?.logId && epoch === end.epoch);
  const other = theirs[place];
  if (end === undefined || other === undefined) return undefined;
  const [before, otherBefore] = [ours[at - 1], theirs[place - 1]];
  if (before?.checksum !== otherBefore?.checksum && before !== undefined && place > 0)
    return undefined;
  if (other.index < end.index) return { kind: 'forked', at: other };
  if (other.index === end.index && other.checksum !== end.checksum) return undefined;
  return at === ours.length - 1 ? { kind: 'behind' } : { kind: 'forked', at: end };
}

/** Of a copy that does not know where its earlier epochs have ended. */
function partingByEpoch(position: Position, { position: end, epochEnds }: Line): Parting {
  const at = [...epochEnds, end].findLast(
    ({ logId, epoch }) => logId === position.logId && epoch <= position.epoch,
  );
  if (at === undefined) {
    const isCut = epochEnds.length === epochEndsMax;
    return { kind: isCut && isBeyond(end, position) ? 'unknown' : 'foreign' };
  }
  return at.epoch < position.epoch ? { kind: 'forked', at } : { kind: 'foreign' };
}

const isBeyond = (end: Position, position: Position): boolean =>
  end.epoch > position.epoch && end.index >= position.index;

export interface KnownTables {
  /** Whether a table holds what its users, or the catalogue, have put there: an index's entries follow from that. */
  holdsItems(table: number): boolean;
  /** Whether the tombstones of a table are kept: then what is old can be told from what was deleted. */
  keepsTombstones(table: number): boolean;
}

export interface SurplusOptions {
  /** The copy that has parted from the log that goes on. */
  readonly snapshot: KeyValueSnapshot;
  readonly partition: number;
  readonly partitionCount: number;
  readonly region: string;
  readonly parting: Parting;
  readonly tables: KnownTables;
  /** Called for an item that cannot be read. */
  readonly onDamage: (error: StoreError) => void;
}

/**
 * What a copy holds beyond the point at which its log has parted from the one that goes on, some at a time: of this region's own
 * making all with a later time, of other regions' everything, in tables whose tombstones are kept. What is older is in both, or
 * was deleted from the other. Throws `StoreError`.
 */
export async function* surplusOf(
  options: SurplusOptions,
): AsyncGenerator<readonly ReceivedRecord[], void, undefined> {
  const { snapshot, parting, partition, partitionCount, tables } = options;
  if (parting.kind === 'behind') return;
  const held = readHeldHashes(snapshot, partition, partitionCount);
  for (const space of ['items', 'tombstones'] as const) {
    for (const table of await tablesIn(snapshot, space)) {
      if (table === PARTITION_TABLE || !tables.holdsItems(table)) continue;
      const hashes = tableHashes(table, partition, held);
      const iterator = snapshot.iterate(itemSpaceRange(space, table, hashes));
      let batch: ReceivedRecord[] = [];
      let bytes = 0;
      try {
        for (;;) {
          const pairs = await iterator.next(pairsPerRead);
          if (pairs.length === 0) break;
          for (const pair of pairs) {
            const record = recordIn(pair, table, options);
            if (record === undefined) continue;
            batch.push(record);
            bytes += record.key.length + (record.image?.length ?? 0);
          }
          if (bytes < batchBytes) continue;
          yield batch;
          batch = [];
          bytes = 0;
        }
      } finally {
        await iterator.close();
      }
      if (batch.length > 0) yield batch;
    }
  }
}

function recordIn(
  pair: Parameters<typeof decodePair>[0],
  table: number,
  { parting, region, tables, onDamage }: SurplusOptions,
): ReceivedRecord | undefined {
  try {
    const { version, replaced, image, itemBytes } = decodePair(pair);
    const isLater = parting.kind === 'forked' && version.time > parting.at.partitionTime;
    const isForeign = version.region !== region || parting.kind === 'unknown';
    if (!isLater && !(isForeign && tables.keepsTombstones(table))) return undefined;
    const key = itemKeyIn(pair[0]);
    return { table, key, version, replaced, image, itemBytes, via: 'scan' };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    onDamage(error);
    return undefined;
  }
}
