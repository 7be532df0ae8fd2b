import { dictionary, finite, type Shape } from '../base/shape.ts';
import type { GlobalTable, PaidCopies, Table } from '../model/table.ts';
import type { TimeVector } from '../partition/partition.ts';

/** A count that no member has missed: it has said that it owes a copy. */
const OWING = -1;

/**
 * What `region` tells `peer` of the copies that it owes: how many changes it missed that it has made up for there. A peer
 * that is no member by what it holds gets nothing from it: should it be one after all, a copy is owed to it.
 */
export function paidTo(global: GlobalTable, region: string, peer: string): number {
  const owes = global.members[peer] === undefined || global.debts.some(({ to }) => to === peer);
  return owes ? OWING : (global.members[region]?.missed ?? 0);
}

/** The table once `from` has said that it has `paid` for so many changes; the same object when that is no news. */
export function withPaid<T extends Table>(table: T, from: string, paid: number): T {
  const members = Object.values(table.global?.members ?? {});
  const payer = table.global?.members[from];
  if (payer === undefined || paidBy(table, payer.tableId) === paid) return table;
  const known = new Set(members.map(({ tableId }) => tableId));
  const others = Object.entries(table.paid ?? {}).filter(([tableId]) => known.has(tableId));
  return { ...table, paid: { ...Object.fromEntries(others), [payer.tableId]: paid } };
}

/** The table when any of `peers` may have left this region out, unheard of, until it says that it owes nothing. */
export const withOwing = <T extends Table>(table: T, peers: readonly string[]): T =>
  peers.reduce((owed, peer) => withPaid(owed, peer, OWING), table);

/**
 * Whether `origin` owes this region a copy of the table, or may owe it: a change went on without it, and it has not said
 * since that it has made up for it.
 */
export function isOwedBy(table: Table, origin: string): boolean {
  const member = table.global?.members[origin];
  return member !== undefined && paidBy(table, member.tableId) !== member.missed;
}

/** Without the regions that owe this one a copy of the table: of what they made, something may be missing at any time. */
export const withoutOwing = (table: Table | undefined, times: TimeVector): TimeVector =>
  table === undefined
    ? times
    : Object.fromEntries(Object.entries(times).filter(([origin]) => !isOwedBy(table, origin)));

const paidBy = (table: Table, tableId: string): number => table.paid?.[tableId] ?? 0;

export const paidCopiesShape: Shape<PaidCopies> = dictionary(finite);
