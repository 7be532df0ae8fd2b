import { present } from '../../../src/base/assert.ts';
import { checkBank } from '../checkers/money-checks.ts';
import { DEFINITION } from '../client-item.ts';
import { EXPIRING, isExpirySeed, TTL } from '../expiring-table.ts';
import { writeExpiring } from '../workloads/expiring.ts';
import { isMoneySeed, moveMoney } from '../workloads/money.ts';
import { checkStreamExpiry } from './stream-expiry-checks.ts';
import type { Operation } from '../history.ts';
import type { WorldResult } from '../run-world.ts';
import {
  checkContent,
  checkHeld,
  checkHistory,
  lookAtCopies,
  positionIn,
} from './stream-checks.ts';
import { MAIN, StreamClient, streamClients } from './stream-client.ts';
import { StreamNemesis } from './stream-nemesis.ts';
import type { StreamNode } from './stream-node.ts';
import { streamOptionsText } from './stream-options.ts';
import { type Loss, StreamWorld } from './stream-world.ts';

/** How long a healed world may take until everything is as it should be. */
const LIVE_MS = 60_000;
const LOOK_MS = 100;

/** See `WorldRun`. */
interface StreamWorldRun {
  readonly onPhase: (phase: string) => void;
  readonly endsAtViolation: boolean;
}

/** Runs one world of nodes over a broker's streams: set up, break, heal, check. */
export async function runStreamWorld(
  seed: number,
  { onPhase, endsAtViolation }: StreamWorldRun,
): Promise<WorldResult> {
  const world = new StreamWorld(seed);
  const text = streamOptionsText(world.options);
  world.note('WORLD', `seed ${seed}  ${text}`);
  onPhase(`options: ${text}`);
  try {
    const all = phases(world, onPhase);
    const end = endsAtViolation ? Promise.race([all, world.violated]) : all;
    await world.clock.runUntilSettled(end);
  } catch (error) {
    world.violate('world', `${String(error)} ${error instanceof Error ? (error.stack ?? '') : ''}`);
  }
  for (const node of world.nodes) node.kill('process');
  countLogged(world);
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

/** What nodes have said of themselves. */
function countLogged(world: StreamWorld): void {
  const { lines } = world.journal;
  const count = (words: string): number => lines.filter((line) => line.includes(words)).length;
  world.count('copy filled', count('copy rebuilt'));
  world.count('abandoned transaction', count('finished an abandoned transaction'));
  world.count('partition split', world.layout.count - world.options.partitions);
  world.count('surplus handed in', count('what a copy held beyond was handed in'));
  for (const line of lines.filter((each) => /(Assertion|Type|Range|Reference)Error: /.test(each)))
    world.violate('errors', line.trim());
}

async function phases(world: StreamWorld, onPhase: (phase: string) => void): Promise<void> {
  const { clock, options } = world;
  const enter = (phase: string): void => {
    world.note('WORLD', `phase ${phase}`);
    onPhase(phase);
  };
  enter('set up');
  for (const node of world.nodes) void node.start();
  await untilLive(world);
  world.table = await makeTable(world, MAIN);
  if (isExpirySeed(world.seed)) await makeExpiring(world);
  enter('break');
  const stage = { isOver: false };
  const nemesis = new StreamNemesis(world);
  const work = workloads(world, () => stage.isOver);
  const striking = nemesis.run();
  const watching = watch(world, () => stage.isOver);
  const losing = followLoss(world, () => stage.isOver);
  await clock.sleep(options.breakMs);
  enter('heal');
  nemesis.heal();
  // The healed world still has work for a while.
  await clock.sleep(1500);
  stage.isOver = true;
  await Promise.all([work, striking, watching, losing]);
  await untilLive(world);
  enter('check');
  await finalReads(world);
  if (isMoneySeed(world.seed) && world.loss === undefined) await checkMoney(world);
  if (isExpirySeed(world.seed)) await checkStreamExpiry(world);
  await untilLive(world);
  lookAtCopies(world);
  await checkContent(world);
  checkHistory(world);
  checkHeld(world);
}

async function workloads(world: StreamWorld, isOver: () => boolean): Promise<void> {
  const { seed, served } = world;
  const work = [streamClients(world, isOver)];
  if (isMoneySeed(seed)) work.push(moveMoney(world, [served], isOver));
  if (isExpirySeed(seed)) work.push(writeExpiring(world, [served], isOver));
  await Promise.all(work);
}

/** What a partition lost of one transaction, another has: the sum holds where no stream lost anything. */
async function checkMoney(world: StreamWorld): Promise<void> {
  await checkBank(world, world.served, !world.options.faults.includes('clock jump'));
}

/** Resolves with its number, once every node has it. */
async function makeTable(world: StreamWorld, name: string): Promise<number> {
  const [first] = world.nodes;
  const { region } = present(first?.ready, 'a node').engine;
  const definition = { ...DEFINITION, stream: 'NEW_AND_OLD_IMAGES' } as const;
  const { number } = await region.createTable(name, definition);
  const endMs = world.clock.monotonicMs() + LIVE_MS;
  const isActive = ({ ready }: StreamNode): boolean =>
    ready?.engine.region.findTable(name)?.status === 'ACTIVE';
  while (!world.nodes.every(isActive)) {
    if (world.clock.monotonicMs() > endMs) throw new Error('waited in vain for the table');
    await world.clock.sleep(LOOK_MS);
  }
  return number;
}

async function makeExpiring(world: StreamWorld): Promise<void> {
  await makeTable(world, EXPIRING);
  const timeToLive = { enabled: true, attribute: TTL };
  await present(world.served.serving(), 'a node').region.updateTable(EXPIRING, { timeToLive });
}

/** Waits until a log whose stream lost something goes on, at a moment when nobody asks, and notes what stands in it then. */
async function followLoss(world: StreamWorld, isOver: () => boolean): Promise<void> {
  while (world.loss === undefined) {
    if (isOver()) return;
    await world.clock.sleep(LOOK_MS);
  }
  const { loss } = world;
  let endMs = Infinity;
  for (;;) {
    await world.clock.sleep(LOOK_MS);
    await world.clock.settle();
    if (isOver()) endMs = Math.min(endMs, world.clock.monotonicMs() + LIVE_MS);
    if (world.clock.monotonicMs() > endMs) {
      world.violate('stream', `partition ${loss.partition} does not go on without what it lost`);
      break;
    }
    world.isHeld = isOfLog(world, loss);
    if (world.isHeld && world.asking === 0) break;
  }
  loss.until = world.tick();
  loss.content = world.partition(loss.partition).truth.content();
  world.note('WORLD', `partition ${loss.partition} is as its log says again`);
  world.isHeld = false;
}

/** Every copy is of the log that goes on, and nothing of the old one is left anywhere. */
function isOfLog(world: StreamWorld, { partition, kind }: Loss): boolean {
  const { truth } = world.partition(partition);
  if (kind === 'stream lost' && truth.incarnation === 1) return false;
  return world.nodes.every(({ ready, store }) => {
    if (ready === undefined) return false;
    const { log } = present(ready.engine.core.partitions[partition], 'the partition');
    const position = positionIn(store.disk.pairs(), partition);
    if (log.lostBecause !== undefined || position === undefined) return false;
    return truth.has(position) && truth.has(log.end) && position.index <= log.end.index;
  });
}

async function watch(world: StreamWorld, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await world.clock.sleep(197);
    await world.clock.settle();
    lookAtCopies(world);
  }
}

/** Every node runs, each partition has one leader, and every copy has what stands in the stream. */
async function untilLive(world: StreamWorld): Promise<void> {
  const endMs = world.clock.monotonicMs() + LIVE_MS;
  for (;;) {
    await world.clock.settle();
    const lacking = whatIsLacking(world);
    if (lacking.length === 0) return;
    if (world.clock.monotonicMs() > endMs) {
      world.violate('liveness', `${LIVE_MS / 1000} s after all was healed: ${lacking.join('; ')}`);
      return;
    }
    // Not in step with what nodes do again and again.
    await world.clock.sleep(37);
  }
}

function whatIsLacking(world: StreamWorld): readonly string[] {
  const seats = world.nodes.filter(({ running }) => running?.engine.seat !== undefined);
  const lacking = world.nodes.flatMap(({ zone, ready }) =>
    ready === undefined ? [`${zone} does not answer clients`] : [],
  );
  if (seats.length !== 1) lacking.push(`the seat is with ${seats.map(({ zone }) => zone).join()}`);
  for (const { number, truth } of world.partitions) {
    const leaders = world.nodes.filter(
      ({ running }) => running?.engine.core.partitions[number]?.leading !== undefined,
    );
    const led = leaders.flatMap(
      ({ running }) => running?.engine.core.partitions[number]?.leading ?? [],
    );
    if (led.some(({ hasIntents }) => hasIntents))
      lacking.push(`partition ${number} has unfinished transactions`);
    if (leaders.length !== 1)
      lacking.push(`partition ${number} is led by ${leaders.map(({ zone }) => zone).join()}`);
    for (const { zone, store } of world.nodes) {
      const index = positionIn(store.disk.pairs(), number)?.index;
      if (index !== truth.endIndex)
        lacking.push(
          `${zone} has applied ${index ?? 'a part'} of ${truth.endIndex} in partition ${number}`,
        );
    }
  }
  return lacking;
}

/** What clients read in the end is a part of the history. */
async function finalReads(world: StreamWorld): Promise<void> {
  const client = new StreamClient(world, 'last');
  for (const key of new Set(world.history.map((operation) => operation.key)))
    if (!(await isAnswered(world, async () => client.read(key))))
      world.violate('liveness', `${key} cannot be read in a healed world`);
  if (!(await isAnswered(world, async () => client.write('east-z', 'last'))))
    world.violate('liveness', 'no write is taken in a healed world');
}

/** The last straggler may come late, and fail who asks at that moment. */
async function isAnswered(world: StreamWorld, ask: () => Promise<Operation>): Promise<boolean> {
  for (let tries = 0; tries < 5; tries += 1) {
    const { outcome } = await ask();
    if ('seen' in outcome) return true;
    await world.clock.sleep(500);
  }
  return false;
}
