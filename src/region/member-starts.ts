import { finite, list, members, text, type Shape } from '../base/shape.ts';
import type { GlobalTable, LogPlace, MemberStarts, Table } from '../model/table.ts';

/**
 * The starts of the members of `after`: kept for those that `before` had, `ends` for new ones. `ends` must be read before
 * the change is written: what is logged between the two is then shipped, and it may be in the member's copy too, which
 * does no harm.
 */
export function memberStartsOf(
  before: Table | undefined,
  after: Table,
  ends: () => readonly LogPlace[],
): MemberStarts {
  const known = before?.globalId === after.globalId ? before.memberStarts : undefined;
  const others = Object.values(after.global?.members ?? {}).filter(
    ({ tableId }) => tableId !== after.tableId,
  );
  return Object.fromEntries(
    others.map(({ tableId }) => [tableId, known?.[tableId] ?? ends().map(placeOf)]),
  );
}

/** Nothing but the place: an entry holds more. */
export const placeOf = ({ logId, epoch, index, checksum, partitionTime }: LogPlace): LogPlace => ({
  logId,
  epoch,
  index,
  checksum,
  partitionTime,
});

/**
 * Up to where the source of a member's copy must have this region's logs: what lies behind is shipped to the member. `ends` are theirs
 * now, as this node knows them. It may have taken the region's seat from one that knew of a partition which it has not heard of.
 */
export function awaitedEnds(
  ends: readonly number[],
  memberStarts: MemberStarts = {},
): readonly number[] {
  const starts = Object.values(memberStarts);
  const logs = Math.max(ends.length, ...starts.map(({ length }) => length));
  return Array.from(
    { length: logs },
    (_, log) => ends[log] ?? Math.max(...starts.map((places) => places[log]?.index ?? 0)),
  );
}

/** Where this region's logs ended when it first knew of the replica that `peer` has, or is getting. */
export function memberStart(
  table: { readonly global: GlobalTable | undefined; readonly memberStarts?: MemberStarts },
  peer: string,
): readonly LogPlace[] | undefined {
  const member = table.global?.members[peer];
  return member === undefined ? undefined : table.memberStarts?.[member.tableId];
}

export const placesShape: Shape<readonly LogPlace[]> = list(
  members({ logId: text, epoch: finite, index: finite, checksum: finite, partitionTime: finite }),
);
