import { lagText } from './lab-screen.ts';
import {
  hasAnswered,
  type NodeStatus,
  type PartitionStatus,
  type RegionStatus,
} from './status-regions.ts';

const MS_PER_SECOND = 1000;

/** What cannot be said. */
const NONE = '-';

/** Regions as tables, in lines. */
export function statusTables(regions: readonly RegionStatus[]): readonly string[] {
  const blocks = [
    nodeTable(regions),
    zoneTable(regions),
    partitionTable(regions),
    lagTable(regions),
    clockTable(regions),
    alarmList(regions),
  ];
  return blocks
    .filter(({ length }) => length > 0)
    .flatMap((block, at) => (at > 0 ? ['', ...block] : block));
}

function nodeTable(regions: readonly RegionStatus[]): readonly string[] {
  const rows = regions.flatMap(({ region, nodes }) => nodes.map((node) => nodeRow(region, node)));
  return table(['REGION', 'NODE', 'RELEASE', 'LEADS', 'DYNAMODB', 'OPERATIONS', 'STATE'], rows);
}

/** The state stands last: of a port that does not answer it is a sentence. */
const nodeRow = (
  region: string,
  { node, state, release, leads, endpoint, operations }: NodeStatus,
): readonly string[] => [
  region,
  node,
  release ?? NONE,
  rangesOf(leads),
  endpoint ?? NONE,
  operations ?? NONE,
  state,
];

/** `0-3, 6`. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: { readonly from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.to === number - 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  const texts = ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return texts.length === 0 ? NONE : texts.join(', ');
}

function zoneTable(regions: readonly RegionStatus[]): readonly string[] {
  const names = zonesOf(regions);
  const rows = heard(regions).map(({ region, zones }) => [
    region,
    ...names.map((zone) => zones.get(zone) ?? NONE),
  ]);
  return table(['REGION', ...names.map((zone) => `ZONE ${zone}`)], rows);
}

function partitionTable(regions: readonly RegionStatus[]): readonly string[] {
  const names = zonesOf(regions);
  // A region of three nodes does not say it: its partitions are not split.
  const saysHashes = regions.some(({ partitions }) =>
    partitions.some(({ hashes }) => hashes !== undefined),
  );
  const rows = regions.flatMap(({ region, partitions }) =>
    partitions.map((partition) => {
      const row = partitionRow(region, partition, names);
      return saysHashes ? [...row.slice(0, 2), partition.hashes ?? NONE, ...row.slice(2)] : row;
    }),
  );
  const zones = names.map((zone) => `APPLIED IN ${zone}`);
  const hashes = saysHashes ? ['HASHES'] : [];
  return table(
    ['REGION', 'PARTITION', ...hashes, 'LEADER', 'EPOCH', 'FIRST', 'COMMITTED', ...zones],
    rows,
  );
}

const partitionRow = (
  region: string,
  { number, leader, epoch, first, committed, copies }: PartitionStatus,
  zones: readonly string[],
): readonly string[] => [
  region,
  `${number}`,
  leader ?? NONE,
  `${epoch}`,
  `${first}`,
  `${committed}`,
  ...zones.map((zone) => {
    const copy = copies.get(zone);
    if (copy === undefined) return NONE;
    const applied = copy.applied === undefined ? NONE : `${copy.applied}`;
    return copy.state === 'serving' ? applied : `${applied} ${copy.state}`;
  }),
];

/** From the region of the row to that of the column. */
function lagTable(regions: readonly RegionStatus[]): readonly string[] {
  const sources = heard(regions);
  const peers = new Set(sources.flatMap(({ replication }) => [...replication.keys()]));
  if (peers.size === 0) return [];
  const columns = peersInOrder(regions, peers);
  const rows = sources.map(({ region, replication }) => [
    region,
    ...columns.map((peer) => {
      const view = replication.get(peer);
      if (view === undefined) return peer === region ? '' : NONE;
      const lag = lagText(
        view.lagSeconds === undefined ? undefined : view.lagSeconds * MS_PER_SECOND,
      );
      const pending = (view.pendingRecords ?? 0) > 0 ? ` (${view.pendingRecords} pending)` : '';
      const shipping = view.shipping === 'streaming' ? '' : ` ${view.shipping}`;
      return `${lag}${pending}${shipping}`;
    }),
  ]);
  return table(['LAG FROM', ...columns.map((peer) => `TO ${peer}`)], rows);
}

/** How far the clock of the column's region is ahead of the row's. */
function clockTable(regions: readonly RegionStatus[]): readonly string[] {
  const nodes = regions.flatMap(({ region, nodes: own }) =>
    own.flatMap(({ node, clock }) =>
      clock === undefined ? [] : [{ name: own.length > 1 ? `${region}/${node}` : region, clock }],
    ),
  );
  const known = new Set(nodes.flatMap(({ clock }) => clock.offsets.map(({ peer }) => peer)));
  if (known.size === 0) return [];
  const peers = peersInOrder(regions, known);
  const rows = nodes.map(({ name, clock }) => [
    name,
    ...peers.map((peer) => {
      const offset = clock.offsets.find((each) => each.peer === peer);
      if (offset === undefined) return name === peer ? '' : NONE;
      const sign = offset.offsetMs < 0 ? '' : '+';
      return `${sign}${offset.offsetMs.toFixed(1)} ±${offset.errorMs.toFixed(1)} ms`;
    }),
  ]);
  return table(['CLOCK', ...peers.map((peer) => `OF ${peer}`)], rows);
}

function alarmList(regions: readonly RegionStatus[]): readonly string[] {
  const rows = regions.flatMap(({ region, alarms }) => alarms.map((words) => [region, words]));
  if (rows.length > 0) return table(['ALARMS', ''], rows);
  return heard(regions).length > 0 ? ['No alarms.'] : [];
}

/** Regions that were asked come first, in their order. */
function peersInOrder(
  regions: readonly RegionStatus[],
  peers: ReadonlySet<string>,
): readonly string[] {
  const own = regions.map(({ region }) => region).filter((name) => peers.has(name));
  return [...new Set([...own, ...peers])];
}

/** Those of which a node has answered. */
const heard = (regions: readonly RegionStatus[]): readonly RegionStatus[] =>
  regions.filter(({ nodes }) => nodes.some(hasAnswered));

const zonesOf = (regions: readonly RegionStatus[]): readonly string[] =>
  [...new Set(regions.flatMap(({ zones }) => [...zones.keys()]))].toSorted();

/** Columns as wide as their widest cell, two apart; nothing at all without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const lines = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  return lines.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
