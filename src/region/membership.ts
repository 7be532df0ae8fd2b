import type { GlobalTable, Member, MemberPhase, Table, TableStatus } from '../model/table.ts';
import type { ReplicaView } from './region.ts';

/** Pure moves and views of a global table's control state. */

/** The first state of a table that gets its first replica. */
export const newGlobalTable = (table: Table, region: string): GlobalTable => ({
  home: region,
  term: 1,
  revision: 0,
  members: {
    [region]: {
      tableId: table.tableId,
      phase: 'active',
      source: region,
      addedAtMs: table.createdAtMs,
    },
  },
  owesScanTo: [],
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
  return { ...global, revision: global.revision + 1, members };
}

/** The next state at the home, with a member's phase moved; the same state when it is no member. */
export function withPhase(global: GlobalTable, region: string, phase: MemberPhase): GlobalTable {
  const member = global.members[region];
  return member === undefined ? global : withMember(global, region, { ...member, phase });
}

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

/** Whether a member is on its way in: until it has arrived nobody forgets anything of the table. */
export const isGrowing = (global: GlobalTable): boolean =>
  Object.values(global.members).some(({ phase }) => GROWING.has(phase));

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
    .map(([name, { phase }]) => ({ region: name, status: shownStatus(phase) }));
}

function shownStatus(phase: MemberPhase): ReplicaView['status'] {
  if (GROWING.has(phase)) return 'CREATING';
  return LEAVING.has(phase) ? 'DELETING' : 'ACTIVE';
}

/** The table as it stands in `region` under a state; regional again when no other member is left. */
export function tableUnder(table: Table, global: GlobalTable, region: string): Table {
  if (peersOf(global, region).length === 0)
    return { ...table, status: 'ACTIVE', global: undefined };
  return { ...table, status: tableStatusIn(global, region), global };
}

/**
 * The state that a region holds once it has heard of another: the later one. What it owes stays its own matter, and grows:
 *
 * - a member that is already being copied to when this region first hears of it may lack what this region made in
 *   between, so this region sends it its whole copy;
 * - a member that went away unheard of may have left things here that the others lack, so they all get a copy.
 */
export function adopted(
  held: GlobalTable | undefined,
  heard: GlobalTable,
  region: string,
): GlobalTable {
  if (held === undefined) return { ...heard, owesScanTo: [] };
  if (compareStates(heard, held) <= 0) return held;
  const wasActive = phaseOf(held, region) === 'active';
  const owed = wasActive ? newlyOwed(held, heard, region) : [];
  const owesScanTo = [...new Set([...held.owesScanTo, ...owed])].filter(
    (name) => heard.members[name] !== undefined && name !== region,
  );
  return { ...heard, owesScanTo };
}

function newlyOwed(held: GlobalTable, heard: GlobalTable, region: string): readonly string[] {
  const peers = peersOf(heard, region);
  const missedLeaving = Object.entries(held.members).some(
    ([name, { phase }]) => heard.members[name] === undefined && !LEAVING.has(phase),
  );
  if (missedLeaving) return peers;
  return peers.filter((name) => {
    const known = held.members[name];
    const now = heard.members[name];
    if (now === undefined || NOT_YET_COPIED.has(now.phase)) return false;
    return known?.tableId !== now.tableId || known.phase === 'requested';
  });
}

const NOT_YET_COPIED: ReadonlySet<MemberPhase> = new Set(['requested', 'preparing', ...LEAVING]);
