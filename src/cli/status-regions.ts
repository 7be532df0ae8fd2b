import type {
  ClockView,
  CopyView,
  NodeView,
  PartitionView,
  PeerView,
  StatusView,
} from '../daemon/operations-target.ts';

/** What became of asking one operations port. */
export type StatusAnswer =
  | {
      readonly kind: 'answered';
      readonly operations: string;
      readonly status: StatusView;
      /** The same as it came, with what this release does not know. */
      readonly said: unknown;
    }
  | {
      readonly kind: 'silent';
      readonly operations: string;
      /** Undefined where nobody has said whose port it is. */
      readonly region: string | undefined;
      readonly node: string | undefined;
      readonly failure: string;
    };

/** A region put together from what its nodes say. */
export interface RegionStatus {
  /** `?` where nobody has said whose port does not answer. */
  readonly region: string;
  readonly nodes: readonly NodeStatus[];
  /** By zone. */
  readonly zones: ReadonlyMap<string, string>;
  readonly partitions: readonly PartitionStatus[];
  /** By peer. */
  readonly replication: ReadonlyMap<string, PeerView>;
  readonly alarms: readonly string[];
}

export interface NodeStatus {
  readonly node: string;
  readonly state: string;
  /** Undefined for a node that has not answered itself, as all that follows. */
  readonly release: string | undefined;
  readonly leads: readonly number[];
  readonly endpoint: string | undefined;
  readonly operations: string | undefined;
  readonly clock: ClockView | undefined;
}

/** Whether the node itself has answered: others may know it, or say that it is out of reach. */
export const hasAnswered = ({ release }: NodeStatus): boolean => release !== undefined;

export interface PartitionStatus {
  readonly number: number;
  readonly leader: string | undefined;
  readonly epoch: number;
  readonly first: number;
  readonly committed: number;
  /** Undefined where no node says it. */
  readonly hashes?: string | undefined;
  /** By zone. */
  readonly copies: ReadonlyMap<string, CopyView>;
}

/** The regions in the order in which they were asked for. */
export function statusRegions(answers: readonly StatusAnswer[]): readonly RegionStatus[] {
  const byRegion = new Map<string, StatusAnswer[]>();
  for (const answer of answers) {
    const name = (answer.kind === 'answered' ? answer.status.region : answer.region) ?? '?';
    byRegion.set(name, [...(byRegion.get(name) ?? []), answer]);
  }
  return [...byRegion].map(([region, own]) => regionStatus(region, own));
}

const inOrder = (one: string, other: string): number => one.localeCompare(other, 'en');

/** One node's word. */
interface Said {
  readonly operations: string;
  readonly status: StatusView;
  /** The zone of the node that says it, or `here`. */
  readonly node: string;
}

function regionStatus(region: string, answers: readonly StatusAnswer[]): RegionStatus {
  const said = answers.flatMap((answer) =>
    answer.kind === 'answered' ? [saidBy(answer.operations, answer.status)] : [],
  );
  const partitions = partitionsOf(said);
  return {
    region,
    nodes: nodesOf(answers, said, partitions),
    zones: zonesOf(said),
    partitions,
    replication: replicationOf(said),
    alarms: [...new Set(said.flatMap((each) => alarmsOf(each, said.length)))],
  };
}

const saidBy = (operations: string, status: StatusView): Said => ({
  operations,
  status,
  node: status.nodes.find(({ isThisNode }) => isThisNode)?.zone ?? 'here',
});

function nodesOf(
  answers: readonly StatusAnswer[],
  said: readonly Said[],
  partitions: readonly PartitionStatus[],
): readonly NodeStatus[] {
  const leads = (node: string): readonly number[] =>
    partitions.flatMap(({ leader, number }) => (leader === node ? [number] : []));
  const rows = new Map<string, NodeStatus>();
  for (const { node, status, operations } of said) {
    const view = status.nodes.find(({ isThisNode }) => isThisNode);
    const { release, clock } = status;
    const [state, endpoint] = [view?.state ?? 'running', view?.endpoint];
    rows.set(node, { node, state, release, leads: leads(node), endpoint, operations, clock });
  }
  for (const answer of answers) {
    if (answer.kind === 'answered') continue;
    const node = answer.node ?? '-';
    rows.set(`${node} ${answer.operations}`, {
      ...unheard(node, answer.failure, answer.operations),
      leads: leads(node),
    });
  }
  const shown = new Set([...rows.values()].map(({ node }) => node));
  for (const view of said.flatMap(({ status }) => status.nodes)) {
    if (shown.has(view.zone)) continue;
    shown.add(view.zone);
    rows.set(view.zone, { ...heardOf(view), leads: leads(view.zone) });
  }
  return [...rows.values()].toSorted((one, other) => inOrder(one.node, other.node));
}

const unheard = (node: string, state: string, operations: string | undefined): NodeStatus => ({
  node,
  state,
  release: undefined,
  leads: [],
  endpoint: undefined,
  operations,
  clock: undefined,
});

const heardOf = ({ zone, state, endpoint, operations }: NodeView): NodeStatus => ({
  ...unheard(zone, state, operations),
  endpoint,
});

/** A zone's own node knows best; of others' words the first counts. */
function zonesOf(said: readonly Said[]): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const { node, status } of said) {
    for (const { zone, state } of status.zones)
      if (zone === node || !states.has(zone)) states.set(zone, state);
  }
  return new Map([...states].toSorted(([one], [other]) => inOrder(one, other)));
}

function partitionsOf(said: readonly Said[]): readonly PartitionStatus[] {
  const views = new Map<number, { readonly node: string; readonly view: PartitionView }[]>();
  for (const { node, status } of said) {
    for (const view of status.partitions)
      views.set(view.number, [...(views.get(view.number) ?? []), { node, view }]);
  }
  return [...views]
    .toSorted(([one], [other]) => one - other)
    .map(([number, told]) => partitionOf(number, told));
}

/** Of the nodes' words on who leads, that of the latest epoch counts. */
function partitionOf(
  number: number,
  told: readonly { readonly node: string; readonly view: PartitionView }[],
): PartitionStatus {
  const copies = new Map<string, CopyView>();
  let [leader, epoch]: [string | undefined, number] = [undefined, -1];
  for (const { node, view } of told) {
    for (const copy of view.copies)
      if (copy.zone === node || !copies.has(copy.zone)) copies.set(copy.zone, copy);
    if (view.epoch > epoch || (view.epoch === epoch && leader === undefined)) {
      leader = view.leader === 'here' ? node : view.leader;
      epoch = view.epoch;
    }
  }
  return {
    number,
    leader,
    epoch,
    first: Math.min(...told.map(({ view }) => view.first)),
    committed: Math.max(...told.map(({ view }) => view.committed)),
    hashes: told.find(({ view }) => view.hashes !== undefined)?.view.hashes,
    copies,
  };
}

/** Each node ships the partitions that it leads: the longest lag counts, and what is pending adds up. */
function replicationOf(said: readonly Said[]): ReadonlyMap<string, PeerView> {
  const peers = new Map<string, PeerView>();
  for (const view of said.flatMap(({ status }) => status.replication)) {
    const before = peers.get(view.peer);
    peers.set(view.peer, before === undefined ? view : together(before, view));
  }
  return peers;
}

function together(one: PeerView, other: PeerView): PeerView {
  const lagsMore = (other.lagSeconds ?? 0) > (one.lagSeconds ?? 0) ? other : one;
  return {
    ...lagsMore,
    lagSeconds: lagsMore.lagSeconds ?? one.lagSeconds ?? other.lagSeconds,
    pendingRecords: sum(one.pendingRecords, other.pendingRecords),
    pendingBytes: sum(one.pendingBytes, other.pendingBytes),
  };
}

const sum = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);

function alarmsOf({ node, status }: Said, nodes: number): readonly string[] {
  const { alarm } = status.clock;
  const at = nodes > 1 ? `node ${node}: ` : '';
  const clock = alarm === undefined ? [] : [`the wall clock is not believed: ${alarm}`];
  return [...status.problems, ...clock].map((words) => `${at}${words}`);
}
