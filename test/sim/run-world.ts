import { ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { checkAcknowledged, checkCounters, checkRegisters } from './checkers/history-checks.ts';
import {
  checkConverged,
  CopyCheck,
  checkWatermarksAndLag,
  holdersOf,
} from './checkers/state-checks.ts';
import { checkExpiring } from './checkers/expiry-checks.ts';
import { checkMoney } from './checkers/money-checks.ts';
import { checkTableStreams } from './checkers/table-stream-checks.ts';
import { checkIndexes, indexesLacking } from './checkers/index-checks.ts';
import { Client } from './client.ts';
import { DEFINITION } from './client-item.ts';
import { INDEXED, INDEXED_DEFINITION, isIndexSeed } from './indexed-table.ts';
import { EXPIRING, isExpirySeed, TTL } from './expiring-table.ts';
import { Nemesis } from './nemesis.ts';
import type { SimRegion } from './sim-region.ts';
import { runStreamWorld } from './stream/run-stream-world.ts';
import { isStreamSeed } from './stream/stream-options.ts';
import { atSplits } from './workloads/at-splits.ts';
import { counters } from './workloads/counters.ts';
import { expiring } from './workloads/expiring.ts';
import { indexChurn } from './workloads/index-churn.ts';
import { indexRewriting } from './workloads/index-rewriting.ts';
import { money } from './workloads/money.ts';
import { registers } from './workloads/registers.ts';
import { replicaChurn, replicaReturns } from './workloads/replica-churn.ts';
import { sharedKeys } from './workloads/shared-keys.ts';
import { uniqueInserts } from './workloads/unique-inserts.ts';
import { CHURN, MAIN, Stage, type Workload } from './workloads/workload.ts';
import { World } from './world.ts';
import { optionsText, type WorldOptions } from './world-options.ts';

const WORKLOADS: readonly Workload[] = [
  registers,
  counters,
  uniqueInserts,
  sharedKeys,
  replicaChurn,
  replicaReturns,
  indexRewriting,
  indexChurn,
  expiring,
  money,
  atSplits,
];

/** How long a healed world may take until everything is as it should be. */
const LIVE_MS = 180_000;
/** How long it may take then until no tombstone is left. */
const FORGET_MS = 90_000;
const LOOK_MS = 250;
const SETUP_MS = 60_000;

export interface WorldResult {
  readonly seed: number;
  readonly options: string;
  readonly hash: string;
  readonly violations: readonly string[];
  readonly journal: readonly string[];
  readonly virtualMs: number;
  readonly regions: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface WorldRun {
  readonly onPhase?: (phase: string) => void;
  /** It is over with the first violation: whoever asks wants to know only whether there is one. */
  readonly endsAtViolation?: boolean;
  readonly change?: (options: WorldOptions) => WorldOptions;
}

/** Runs one world from its making to its end: set up, break, heal, check. */
export async function runWorld(
  seed: number,
  { onPhase = () => {}, endsAtViolation = false, change }: WorldRun = {},
): Promise<WorldResult> {
  if (change === undefined && isStreamSeed(seed))
    return runStreamWorld(seed, { onPhase, endsAtViolation });
  const world = new World(seed, change);
  const text = optionsText(world.options);
  world.note('WORLD', `seed ${seed}  ${text}`);
  onPhase(`options: ${text}`);
  try {
    const all = phases(world, onPhase);
    const end = endsAtViolation ? Promise.race([all, world.violated]) : all;
    await world.clock.runUntilSettled(end);
  } catch (error) {
    world.violate('world', `${String(error)} ${error instanceof Error ? (error.stack ?? '') : ''}`);
  }
  for (const region of world.regions) region.kill('process');
  countEvents(world);
  return {
    seed,
    options: text,
    hash: world.journal.hash,
    violations: world.violations.map(({ message }) => message),
    journal: world.journal.lines,
    virtualMs: world.clock.monotonicMs(),
    regions: world.regions.length,
    counts: Object.fromEntries([...world.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

async function phases(world: World, onPhase: (phase: string) => void): Promise<void> {
  const enter = (phase: string): void => {
    world.note('WORLD', `phase ${phase}`);
    onPhase(phase);
  };
  enter('set up');
  await setUp(world);
  await setTimeToLive(world);
  enter('break');
  const stage = new Stage(world);
  const nemesis = new Nemesis(world);
  const work = Promise.all(WORKLOADS.map(async (workload) => workload.run(stage)));
  const striking = nemesis.run();
  const watching = watch(world, stage);
  await world.clock.sleep(world.options.breakMs);
  enter('heal');
  await nemesis.heal();
  // The healed world still has work for a while.
  await world.clock.sleep(2000);
  stage.isOver = true;
  await Promise.all([work, striking, watching]);
  await untilLive(world);
  enter('forget');
  // What was written under a clock that had jumped ahead stays until the others have come there.
  if (!world.options.faults.includes('clock jump')) await untilForgotten(world);
  enter('check');
  await finalReads(world);
  await check(world);
}

async function setUp(world: World): Promise<void> {
  const [first, ...others] = world.regions;
  if (first === undefined) throw new Error('a world has regions');
  const { linkDelayMs } = world.options;
  for (const region of world.regions)
    for (const other of world.regions)
      if (other !== region) region.endpoint.links.set(other.name, { delayMs: linkDelayMs });
  await Promise.all(world.regions.map(async (region) => region.start()));
  const tables = [MAIN, CHURN];
  if (isIndexSeed(world.seed)) tables.push(INDEXED);
  if (isExpirySeed(world.seed)) tables.push(EXPIRING);
  for (const name of tables) {
    const definition = name === INDEXED ? INDEXED_DEFINITION : DEFINITION;
    await first.running?.engine.region.createTable(name, definition);
    await until(world, `table ${name}`, () => isActive(first, name));
    for (const other of others) {
      await first.running?.engine.region.changeReplica(name, {
        kind: 'create',
        region: other.name,
      });
      await until(world, `replica of ${name} in ${other.name}`, () =>
        [first, ...others.slice(0, others.indexOf(other) + 1)].every((region) =>
          isActive(region, name),
        ),
      );
    }
  }
}

/** Asked of the last region, which is not the table's home. */
async function setTimeToLive(world: World): Promise<void> {
  if (!isExpirySeed(world.seed)) return;
  const timeToLive = { enabled: true, attribute: TTL };
  await world.regions.at(-1)?.running?.engine.region.updateTable(EXPIRING, { timeToLive });
}

const isActive = ({ running }: SimRegion, name: string): boolean =>
  running?.engine.region.findTable(name)?.status === 'ACTIVE';

async function until(world: World, what: string, holds: () => boolean): Promise<void> {
  const endMs = world.clock.monotonicMs() + SETUP_MS;
  while (!holds()) {
    if (world.clock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}`);
    await world.clock.sleep(LOOK_MS);
  }
}

/** Looks at what regions say of themselves, again and again, at moments when nothing runs. */
async function watch(world: World, stage: Stage): Promise<void> {
  const copies = new CopyCheck(world);
  for (let looks = 0; !stage.isOver; looks += 1) {
    await world.clock.sleep(197);
    await world.clock.settle();
    for (const name of [MAIN, CHURN]) checkWatermarksAndLag(world, name, false);
    if (looks % 5 === 0) copies.look();
  }
}

async function untilLive(world: World): Promise<void> {
  const startMs = world.clock.monotonicMs();
  for (;;) {
    const lacking = whatIsLacking(world);
    if (lacking.length === 0) break;
    if (world.clock.monotonicMs() - startMs > LIVE_MS) {
      world.violate('liveness', `${LIVE_MS / 1000} s after all was healed: ${lacking.join('; ')}`);
      return;
    }
    await world.clock.sleep(LOOK_MS);
  }
  const ms = world.clock.monotonicMs() - startMs;
  world.note('WORLD', `all is live again after ${Math.round(ms)} ms`);
}

/** With every member in reach and nothing pending, no tombstone stays. */
async function untilForgotten(world: World): Promise<void> {
  const endMs = world.clock.monotonicMs() + FORGET_MS;
  for (;;) {
    const left = [MAIN, CHURN, EXPIRING].flatMap((name) =>
      holdersOf(world, name).map(({ region, running, table: { number } }) => {
        const { partitions } = running.engine.core;
        const counts = partitions.map((partition) => partition.counters(number).tombstoneCount);
        return { where: `${name} in ${region.name}`, count: counts.reduce((a, b) => a + b, 0) };
      }),
    );
    const kept = left.filter(({ count }) => count > 0);
    if (kept.length === 0) return;
    if (world.clock.monotonicMs() > endMs) {
      const words = kept.map(({ where, count }) => `${count} of ${where}`).join(', ');
      world.violate('forgetting', `tombstones stay for ever: ${words}`);
      return;
    }
    await world.clock.sleep(LOOK_MS);
  }
}

/** In words, what is not yet as it should be in a world without faults. */
function whatIsLacking(world: World): readonly string[] {
  const lacking: string[] = [];
  for (const region of world.regions) {
    const { name, running } = region;
    if (world.lost.has(name)) {
      lacking.push(...whoCountsOn(world, region));
      continue;
    }
    if (running === undefined) {
      lacking.push(`${name} does not run`);
      continue;
    }
    const { core, links } = running.engine;
    for (const zone of ZONES) {
      const [log, copies] = [core.logs.zoneState(zone), core.zones.state(zone)];
      if (log !== 'live' || copies !== 'applying')
        lacking.push(`zone ${zone} of ${name} is ${log}/${copies}`);
    }
    for (const { number, hasIntents } of core.partitions)
      if (hasIntents) lacking.push(`partition ${number} of ${name} has unfinished transactions`);
    const { peers, resyncs } = links.status();
    for (const { peer, state } of resyncs)
      lacking.push(`${name} is ${state} in a resync with ${peer}`);
    for (const { peer, tables, outboxes } of peers) {
      for (const { table, pending } of tables)
        if (pending === undefined || pending.records > 0)
          lacking.push(`${name} has ${pending?.records ?? '?'} of ${table} for ${peer}`);
      if (tables.length > 0)
        for (const { log, state } of outboxes)
          if (state.kind === 'RESYNC')
            lacking.push(`outbox ${log} of ${name} for ${peer} is in RESYNC`);
    }
    for (const table of core.catalogue.all)
      if (
        table.status !== 'ACTIVE' ||
        Object.values(table.global?.members ?? {}).some(({ phase }) => phase !== 'active')
      )
        lacking.push(
          `${table.name} in ${name} is ${table.status} ${JSON.stringify(table.global?.members)}`,
        );
  }
  for (const region of world.regions) lacking.push(...indexesLacking(region));
  if (lacking.length > 0) return lacking;
  for (const table of [MAIN, CHURN, EXPIRING]) {
    const holders = holdersOf(world, table);
    const digests = holders.map(({ running, table: { number } }) => {
      const found = running.engine.region.findTable(table);
      return found === undefined ? String(number) : running.engine.region.digest(found).join('.');
    });
    const members = holders.map(({ table: { global } }) =>
      Object.keys(global?.members ?? {})
        .toSorted()
        .join(),
    );
    if (new Set(members).size > 1)
      lacking.push(`regions disagree on who has ${table}: ${members.join(' ')}`);
    if (new Set(digests).size > 1) lacking.push(`digests of ${table} differ: ${digests.join(' ')}`);
  }
  return lacking;
}

/** Of a region that is lost: that it is to come back, and who still takes it for a member. */
function whoCountsOn(world: World, { name }: SimRegion): readonly string[] {
  const isAwaited = world.lost.get(name) === 'for a while';
  return [
    ...(isAwaited ? [`${name} is not back yet`] : []),
    ...world.regions.flatMap((region) =>
      (region.running?.engine.core.catalogue.all ?? [])
        .filter(({ global }) => global?.members[name] !== undefined)
        .map((table) => `${region.name} has ${name} as a member of ${table.name}`),
    ),
  ];
}

/** What clients read in the end is a part of the history. */
async function finalReads(world: World): Promise<void> {
  for (const region of world.regions) {
    if (world.lost.has(region.name)) continue;
    const client = new Client(world, region, `${region.name[0] ?? ''}0`);
    const keys = new Set(
      world.history
        .filter(({ region: where, key }) => where === region.name && key.startsWith(`${where}-`))
        .map(({ key }) => key),
    );
    for (const key of keys) {
      const { outcome } = await client.read(MAIN, key);
      if (outcome.kind !== 'read')
        world.violate('liveness', `${key} cannot be read in a healed world`);
    }
    const { outcome } = await client.write(MAIN, `${region.name}-z`, 'last');
    if (outcome.kind !== 'applied')
      world.violate('liveness', `${region.name} takes no write in a healed world`);
  }
  await world.clock.sleep(5000);
  await world.clock.settle();
}

async function check(world: World): Promise<void> {
  await checkMoney(world);
  checkRegisters(world);
  checkCounters(world);
  checkAcknowledged(world);
  for (const name of [MAIN, CHURN]) {
    await checkConverged(world, name);
    checkWatermarksAndLag(world, name, true);
    await checkTableStreams(world, name);
  }
  await checkIndexes(world);
  await checkExpiring(world);
  await checkTableStreams(world, EXPIRING);
  const copies = new CopyCheck(world);
  for (let looks = 0; looks < 4; looks += 1) {
    copies.look();
    await world.clock.sleep(1000);
    await world.clock.settle();
  }
}

/** What the regions have counted themselves. */
function countEvents(world: World): void {
  for (const { metrics, lives } of world.regions) {
    world.count('process start', lives);
    world.count('resync', metrics.totals.get('tidemark_replication_resyncs_total') ?? 0);
    world.count('conflict', metrics.totals.get('tidemark_replication_conflicts_total') ?? 0);
  }
  world.count(
    'rebuild',
    world.journal.lines.filter((line) => line.includes('copy rebuilt')).length,
  );
  world.count(
    'replica lost',
    world.journal.lines.filter((line) => line.includes('without it, on an older disk')).length,
  );
  world.count(
    'forgetting',
    world.journal.lines.filter((line) => line.includes('tombstones forgotten')).length,
  );
}
