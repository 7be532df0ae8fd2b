import type { Operation } from '../history.ts';
import type { WorldResult } from '../run-world.ts';
import { rebuildStream } from './rebuild-stream.ts';
import { checkContent, checkHistory, lookAtCopies } from './stream-checks.ts';
import { StreamClient, streamClients } from './stream-client.ts';
import { StreamNemesis } from './stream-nemesis.ts';
import { streamOptionsText } from './stream-options.ts';
import { StreamWorld } from './stream-world.ts';

/** How long a healed world may take until everything is as it should be. */
const LIVE_MS = 60_000;
const LOOK_MS = 100;

/** Runs one world of nodes over a broker's streams: set up, break, heal, check. */
export async function runStreamWorld(
  seed: number,
  onPhase: (phase: string) => void = () => {},
): Promise<WorldResult> {
  const world = new StreamWorld(seed);
  const text = streamOptionsText(world.options);
  world.note('WORLD', `seed ${seed}  ${text}`);
  onPhase(`options: ${text}`);
  try {
    await world.clock.runUntilSettled(phases(world, onPhase));
  } catch (error) {
    world.violate('world', `${String(error)} ${error instanceof Error ? (error.stack ?? '') : ''}`);
  }
  for (const node of world.nodes) node.kill('process');
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

async function phases(world: StreamWorld, onPhase: (phase: string) => void): Promise<void> {
  const { clock, options } = world;
  const enter = (phase: string): void => {
    world.note('WORLD', `phase ${phase}`);
    onPhase(phase);
  };
  enter('set up');
  for (const node of world.nodes) void node.start();
  await untilLive(world);
  enter('break');
  const stage = { isOver: false };
  const nemesis = new StreamNemesis(world);
  const rebuilding = rebuildOnce(world);
  const work = streamClients(world, () => stage.isOver);
  const striking = nemesis.run();
  const watching = watch(world, () => stage.isOver);
  await clock.sleep(options.breakMs);
  enter('heal');
  nemesis.heal();
  // The healed world still has work for a while.
  await clock.sleep(1500);
  stage.isOver = true;
  await Promise.all([work, striking, watching, rebuilding.ended()]);
  await untilLive(world);
  enter('check');
  await finalReads(world);
  await untilLive(world);
  lookAtCopies(world);
  await checkContent(world);
  checkHistory(world);
}

/** A stream that a node takes for lost is rebuilt, and all nodes are started again. */
function rebuildOnce(world: StreamWorld): { readonly ended: () => Promise<void> } {
  let rebuild: Promise<void> | undefined;
  const run = async (partition: number): Promise<void> => {
    await rebuildStream(world, partition);
    const { loss } = world;
    if (loss !== undefined) {
      loss.until = world.tick();
      loss.content = world.partition(partition).truth.content();
    }
    for (const node of world.nodes) void node.start();
  };
  world.onLost((partition) => {
    rebuild ??= run(partition);
  });
  return {
    ended: async () => {
      await untilNoticed(world);
      await rebuild;
    },
  };
}

/** A stream that is gone, or lacks what a copy has applied, is taken for lost by somebody. */
async function untilNoticed(world: StreamWorld): Promise<void> {
  const endMs = world.clock.monotonicMs() + LIVE_MS;
  const isNoticed = (): boolean => {
    const { loss } = world;
    if (loss === undefined || loss.until !== undefined) return true;
    if (loss.kind === 'stream lost' || world.isRebuilding) return false;
    const { truth } = world.partition(loss.partition);
    return world.nodes.every(
      ({ running }) =>
        running !== undefined && truth.has(running.node.copy(loss.partition).position),
    );
  };
  while (!isNoticed()) {
    if (world.clock.monotonicMs() > endMs) {
      world.violate('stream', 'nobody has noticed that a stream has lost something');
      return;
    }
    await world.clock.sleep(LOOK_MS);
  }
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
  return world.partitions.flatMap(({ number, truth }) => {
    const leaders = world.nodes.filter(
      ({ running }) => running?.candidates[number]?.leading !== undefined,
    );
    return [
      ...world.nodes.flatMap(({ zone, running }) => {
        if (running === undefined) return [`${zone} does not run`];
        const { index } = running.node.copy(number).position;
        return index === truth.endIndex
          ? []
          : [`${zone} has applied ${index} of ${truth.endIndex} in partition ${number}`];
      }),
      ...(leaders.length === 1
        ? []
        : [`partition ${number} is led by ${leaders.map(({ zone }) => zone).join()}`]),
    ];
  });
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
