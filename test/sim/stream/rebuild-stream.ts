import { present } from '../../../src/base/assert.ts';
import { randomUuid } from '../../../src/base/random.ts';
import { HybridClock } from '../../../src/clock/hybrid-clock.ts';
import type { LogEnd } from '../../../src/log/entry.ts';
import { Applier } from '../../../src/partition/applier.ts';
import { LocalPartition } from '../../../src/partition/local-partition.ts';
import { resolve } from '../../../src/replication/resolve.ts';
import { compareVersions } from '../../../src/model/version.ts';
import { tableHashRange } from '../../../src/storage/key-layout.ts';
import { scanVersions, type StoredVersion } from '../../../src/storage/read.ts';
import type { StorageNode } from '../../../src/storage/storage-node.ts';
import type { ProcessLife } from '../process-life.ts';
import { keyText } from '../truth.ts';
import { REGION } from './candidate.ts';
import { TABLE } from './stream-client.ts';
import { StreamLog } from './stream-log.ts';
import type { StreamPartition, StreamWorld } from './stream-world.ts';

const retryMs = 100;

/**
 * What an operator has done once a stream is lost, with every node at rest: a new stream goes on, under a new log id,
 * behind the most advanced copy; what other copies have is received as a peer's records are; then they are made equal.
 */
export async function rebuildStream(world: StreamWorld, number: number): Promise<void> {
  world.note('WORLD', `rebuilds the stream of partition ${number}`);
  world.isRebuilding = true;
  for (const node of world.nodes) node.kill('process');
  const life = present(world.nodes[0], 'a node').newLife();
  const nodes = await Promise.all(world.nodes.map(async (node) => node.openNode(life)));
  const [best, ...others] = nodes.toSorted((a, b) => {
    const [ours, theirs] = [a, b].map((node) => node.copy(number).position);
    return (theirs?.epoch ?? 0) - (ours?.epoch ?? 0) || (theirs?.index ?? 0) - (ours?.index ?? 0);
  });
  if (best === undefined) return;
  const held = await Promise.all(nodes.map(async (node) => itemsOf(node, number)));
  await goOn(world, world.partition(number), { best, nodes, life, held: held.flat() });
  const items = await itemsOf(best, number);
  checkNothingIsOlder(world, held.flat(), items);
  for (const other of others) await other.rebuildFrom(best, number);
  const { index } = best.copy(number).position;
  for (const node of nodes) await node.close();
  life.kill();
  for (const node of world.nodes) {
    node.store.end('process');
    node.synced.set(number, index);
  }
  world.count('stream rebuilt');
  world.isRebuilding = false;
}

interface Remains {
  readonly best: StorageNode;
  readonly nodes: readonly StorageNode[];
  readonly life: ProcessLife;
  readonly held: readonly StoredVersion[];
}

async function goOn(
  world: StreamWorld,
  { number, truth }: StreamPartition,
  { best, nodes, life, held }: Remains,
): Promise<void> {
  const positions = nodes.map((node) => node.copy(number).position);
  const base: LogEnd = {
    ...best.copy(number).position,
    // Behind whatever any copy has seen.
    epoch: Math.max(...positions.map(({ epoch }) => epoch)),
    partitionTime: Math.max(...positions.map(({ partitionTime }) => partitionTime)),
  };
  truth.goOn(base);
  const stream = world.newStream(number);
  world.partition(number).stream = stream;
  const broker = stream.connect({ name: 'operator', isCut: false });
  const log = await retried(life, async () =>
    StreamLog.open({ broker, partition: number, clock: life, base }),
  );
  const hybrid = new HybridClock({ believedMs: () => life.wallMs() });
  const onFailure = (error: unknown): void => world.failed('operator', error);
  const partition = new LocalPartition({
    number,
    partitionCount: best.partitionCount,
    region: REGION,
    log,
    clock: life,
    now: () => hybrid.now(),
    resolve,
    keepsTombstones: () => true,
    onFailure,
    onDamage: (_, error) => onFailure(error),
  });
  const applier = new Applier({ node: best, partitions: [partition], clock: life, onFailure });
  applier.start();
  const opened = partition.open();
  await retried(life, async () => opened.durable);
  await retried(life, async () => partition.fork(randomUuid(world.random), base.partitionTime));
  const records = held.map((item) => ({ ...item, table: TABLE, via: 'scan' as const }));
  await retried(life, async () => partition.receive(records));
  while (best.copy(number).position.index < partition.committed.index) await life.sleep(retryMs);
  partition.stop();
  await applier.stop();
  log.close();
}

async function retried<T>(life: ProcessLife, task: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await task();
    } catch {
      await life.sleep(retryMs);
    }
  }
}

async function itemsOf(node: StorageNode, number: number): Promise<readonly StoredVersion[]> {
  const snapshot = node.store.snapshot();
  const hashes = tableHashRange(TABLE, number, node.partitionCount);
  const items = await scanVersions(snapshot, {
    table: TABLE,
    hashes,
    after: undefined,
    limitBytes: Number.POSITIVE_INFINITY,
  });
  await snapshot.close();
  return items;
}

function checkNothingIsOlder(
  world: StreamWorld,
  held: readonly StoredVersion[],
  items: readonly StoredVersion[],
): void {
  const now = new Map(items.map((item) => [keyText(item.key), item]));
  for (const { key, version } of held) {
    const item = now.get(keyText(key));
    if (item === undefined || compareVersions(item.version, version) < 0)
      world.violate('rebuild', `${keyText(key)} is older than a copy of it was`);
  }
}
