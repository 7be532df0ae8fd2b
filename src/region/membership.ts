import type { Debt, GlobalTable, Member, MemberPhase, Table, TableStatus } from '../model/table.ts';
import type { ReplicaView } from './region.ts';
import { withIndexesActive } from './table-indexes.ts';
import { isUpdating } from './table-updates.ts';

/** Pure moves and views of a global table's control state. */

/** The first state of a table that gets its first replica: later than any that it had before. */
export const newGlobalTable = (table: Table, region: string): GlobalTable => ({
  home: region,
  term: (table.parted?.term ?? 0) + 1,
  revision: (table.parted?.revision ?? -1) + 1,
  members: {
    [region]: {
      tableId: table.tableId,
      phase: 'active',
      source: region,
      addedAtMs: table.createdAtMs,
      missed: 0,
    },
  },
  debts: [],
});

/** Negative when `a` is older. */
export const compareStates = (a: GlobalTable, b: GlobalTable): number =>
  a.term - b.term || a.revision - b.revision || (a.home < b.home ? -1 : a.home > b.home ? 1 : 0);

/** The next state at the home, with a member added, replaced or (undefined) removed. */
export function withMember(
  global: GlobalTable,
  region: string,
  member: Member | undefined,
): GlobalTable {
  const others = Object.entries(global.members).filter(([name]) => name !== region);
  const members = Object.fromEntries(member === undefined ? others : [...others, [region, member]]);
  const debts = global.debts.filter(({ to }) => member !== undefined || to !== region);
  return { ...global, revision: global.revision + 1, members, debts };
}

/** The next state at the home, with a member's phase moved; the same state when it is no member. */
export function withPhase(global: GlobalTable, region: string, phase: MemberPhase): GlobalTable {
  const member = global.members[region];
  return member === undefined ? global : withMember(global, region, { ...member, phase });
}

/** The next state at the home, after a change that goes on without `regions`: see `Member.missed`. */
export function withMissed(global: GlobalTable, regions: readonly string[]): GlobalTable {
  const members = Object.entries(global.members).map(([name, member]) => [
    name,
    regions.includes(name) ? { ...member, missed: member.missed + 1 } : member,
  ]);
  return { ...global, revision: global.revision + 1, members: Object.fromEntries(members) };
}

/** The next state at the home, which owes `peers` its copy from now on. */
export function withDebts(global: GlobalTable, peers: readonly string[]): GlobalTable {
  const next = { ...global, revision: global.revision + 1 };
  return { ...next, debts: debtsWith(global.debts, peers, next) };
}

/** A newer debt takes the place of an older one to the same member: what is sent for it has all. */
const debtsWith = (
  debts: readonly Debt[],
  peers: readonly string[],
  { term, revision }: GlobalTable,
): readonly Debt[] => [
  ...debts.filter(({ to }) => !peers.includes(to)),
  ...peers.map((to) => ({ to, term, revision })),
];

/** The state under a new home, which may from now on order changes: a later term. */
export const withHome = (global: GlobalTable, home: string): GlobalTable => ({
  ...global,
  home,
  term: global.term + 1,
  revision: global.revision + 1,
});

export const phaseOf = (global: GlobalTable, region: string): MemberPhase | undefined =>
  global.members[region]?.phase;

/** Members other than `region`. */
export const peersOf = (global: GlobalTable | undefined, region: string): readonly string[] =>
  Object.keys(global?.members ?? {}).filter((member) => member !== region);

/** Whether no member is on its way in or out. */
export const isSettled = (global: GlobalTable): boolean =>
  Object.values(global.members).every(({ phase }) => phase === 'active');

/** Members that hold the data and are not on their way out. */
export const survivorsOf = (global: GlobalTable): readonly string[] =>
  Object.entries(global.members)
    .filter(([, { phase }]) => phase === 'active')
    .map(([region]) => region);

/** Phases in which every member ships to the member and keeps tombstones for it. */
const SHIPPED_TO: ReadonlySet<MemberPhase> = new Set([
  'preparing',
  'copying',
  'active',
  'draining',
]);

export const isShippedTo = (global: GlobalTable | undefined, peer: string): boolean => {
  const phase = global === undefined ? undefined : phaseOf(global, peer);
  return phase !== undefined && SHIPPED_TO.has(phase);
};

/** Whether a member is shipped to and has not got its copy yet. */
export const isComing = (phase: MemberPhase | undefined): boolean =>
  phase === 'preparing' || phase === 'copying';

/** Whether a member is on its way in: until it has arrived nobody forgets anything of the table. */
export const isGrowing = (global: GlobalTable): boolean =>
  Object.values(global.members).some(({ phase }) => GROWING.has(phase));

const WHOLE: ReadonlySet<MemberPhase> = new Set(['active', 'draining']);
const GROWING: ReadonlySet<MemberPhase> = new Set(['requested', 'preparing', 'copying']);
const LEAVING: ReadonlySet<MemberPhase> = new Set(['evicting', 'deleting']);

/** DynamoDB's TableStatus of the table in `region`. Source: measured timelines, DDB-TABLE-226 and 228 of api-quirks. */
function tableStatusIn(global: GlobalTable, region: string): TableStatus {
  const own = phaseOf(global, region);
  if (own === 'preparing' || own === 'copying') return 'CREATING';
  if (own === 'deleting') return 'DELETING';
  const isChanging = Object.values(global.members).some(
    ({ phase }) => GROWING.has(phase) || phase === 'draining',
  );
  return isChanging ? 'UPDATING' : 'ACTIVE';
}

/** DynamoDB's `Replicas`, asked in `region`, which is never in it; nor is a member that was only just asked for. */
export function replicaViews(global: GlobalTable, region: string): readonly ReplicaView[] {
  return Object.entries(global.members)
    .filter(([name, { phase }]) => name !== region && phase !== 'requested')
    .map(([name, { phase, overrides }]) => ({
      region: name,
      status: shownStatus(phase),
      overrides,
    }));
}

function shownStatus(phase: MemberPhase): ReplicaView['status'] {
  if (GROWING.has(phase)) return 'CREATING';
  return LEAVING.has(phase) ? 'DELETING' : 'ACTIVE';
}

/** The table as it stands in `region` under a state; regional again when no other member is left. */
export function tableUnder(table: Table, global: GlobalTable, region: string): Table {
  const isAlone = peersOf(global, region).length === 0;
  return withStatus(
    isAlone
      ? { ...table, status: 'ACTIVE', global: undefined, parted: global }
      : { ...table, global },
    region,
  );
}

/**
 * The table with the status that follows from the state that it shares, and from what this region does with it: to be
 * asked for after each change of its updates or its indexes.
 */
export function withStatus(table: Table, region: string): Table {
  const { global, status } = table;
  if (global === undefined && (status === 'CREATING' || status === 'DELETING')) return table;
  const shared = global === undefined ? 'ACTIVE' : tableStatusIn(global, region);
  const next = shared === 'ACTIVE' && isUpdating(table) ? 'UPDATING' : shared;
  return withIndexesActive(next === status ? table : { ...table, status: next });
}

/**
 * Whether a replica that was removed, or never told of, by the state that is held is a whole one by a later state. Two
 * regions that could not reach each other have each removed the other's side: what was made, and forgotten, meanwhile is not
 * there.
 */
const isBack = (peer: string, held: GlobalTable, heard: GlobalTable): boolean =>
  heard.members[peer]?.tableId !== held.members[peer]?.tableId &&
  WHOLE.has(phaseOf(heard, peer) ?? 'requested');

/**
 * The state that a region holds once it has heard of another: the later one. What it owes stays its own matter, and
 * grows when a change went on without it: what it had made, or had received and others had not, may have been left out.
 */
export function adopted(
  held: GlobalTable | undefined,
  heard: GlobalTable,
  region: string,
): GlobalTable {
  if (held === undefined) return { ...heard, debts: [] };
  if (compareStates(heard, held) <= 0) return held;
  // A home that takes over from an older state may count from less.
  const isMissed = heard.members[region]?.missed !== held.members[region]?.missed;
  const missed = debtsWith(held.debts, isMissed ? peersOf(heard, region) : [], heard);
  const back = peersOf(heard, region).filter((peer) => isBack(peer, held, heard));
  const debts = [
    ...missed.filter(({ to }) => !back.includes(to)),
    ...debtsWith([], back, heard).map((debt): Debt => ({ ...debt, isBack: true })),
  ];
  return { ...heard, debts: debts.filter(({ to }) => heard.members[to] !== undefined) };
}

/**
 * What becomes of a replica whose region is no member by `heard`, a later state. One that has all its data is a table of
 * its own from then on, under an id of its own, so that nothing that is said of the global table concerns it; one that
 * was still being filled is deleted.
 */
export function leftOut(
  table: Table,
  heard: GlobalTable,
  { region, globalId }: { readonly region: string; readonly globalId: string },
): Table {
  // Of an older disk, on which the table is not shared yet.
  if (table.global === undefined) return { ...table, globalId, parted: undefined };
  const own = table.global.members[region];
  if (own === undefined || own.phase === 'deleting') return table;
  if (!GROWING.has(own.phase))
    return { ...table, globalId, status: 'ACTIVE', global: undefined, parted: undefined };
  const members = { ...heard.members, [region]: { ...own, phase: 'deleting' as const } };
  return { ...table, status: 'DELETING', global: { ...heard, members, debts: [] } };
}
