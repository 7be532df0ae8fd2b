import { addDigests, NO_DIGEST } from '../../../src/model/item-digest.ts';
import { NO_COUNTERS, type TableCounters } from '../../../src/storage/apply.ts';
import { partitionOf } from '../../../src/storage/key-layout.ts';
import type { KeyValuePair } from '../../../src/storage/key-value-store.ts';
import { readItem } from '../../../src/storage/read.ts';
import { recount } from '../../support/recount.ts';
import { checkCounters, checkRegisters, type HistoryWorld } from '../checkers/history-checks.ts';
import { explainRegister } from '../checkers/linearizability.ts';
import { keyBytes, valueOf } from '../client.ts';
import type { Operation } from '../history.ts';
import { REGION } from './candidate.ts';
import { TABLE } from './stream-client.ts';
import type { RunningNode } from './stream-node.ts';
import type { StreamWorld } from './stream-world.ts';

/** What is applied, and what is answered as committed, stands in the stream; copies at one place hold the same bytes. */
export function lookAtCopies(world: StreamWorld): void {
  const byPlace = new Map<string, { readonly zone: string; readonly pairs: Pairs }>();
  for (const { zone, running, store } of world.nodes) {
    if (running === undefined || world.isRebuilding) continue;
    for (const { number, truth } of world.partitions) {
      if (world.isInDoubt(number)) continue;
      const { position } = running.node.copy(number);
      if (!truth.has(position))
        world.violate('copies', `${zone} has applied an entry ${position.index} that is not valid`);
      const committed = running.candidates[number]?.leading?.committed;
      if (committed !== undefined && !truth.has(committed))
        world.violate(
          'leader',
          `${zone} has committed an entry ${committed.index} that is not valid`,
        );
    }
    const place = placeOf(world, running);
    const pairs = store.disk.pairs();
    const other = byPlace.get(place);
    if (other === undefined) byPlace.set(place, { zone, pairs });
    else if (!areEqual(other.pairs, pairs))
      world.violate('copies', `${other.zone} and ${zone} differ at ${place}`);
  }
}

const placeOf = ({ partitions }: StreamWorld, { node }: RunningNode): string =>
  partitions.map(({ number }) => Object.values(node.copy(number).position).join('/')).join(' ');

type Pairs = readonly KeyValuePair[];

const areEqual = (a: Pairs, b: Pairs): boolean =>
  a.length === b.length &&
  a.every(([key, value], at) => {
    const other = b[at];
    return (
      other !== undefined &&
      Buffer.compare(key, other[0]) === 0 &&
      Buffer.compare(value, other[1]) === 0
    );
  });

/** In a world at rest: every copy holds what the stream says, and counts what it holds. */
export async function checkContent(world: StreamWorld): Promise<void> {
  const keys = new Set(world.history.map(({ key }) => key));
  const contents = world.partitions.map(({ truth }) => truth.content());
  for (const { zone, running } of world.nodes) {
    if (running === undefined) continue;
    const { node } = running;
    for (const key of keys) {
      const bytes = keyBytes(key);
      const { truth, number } = world.partition(partitionOf(TABLE, bytes, world.partitions.length));
      const isThere = node.copy(number).position.index === truth.endIndex;
      const found = valueOf(readItem(node.store, TABLE, bytes)?.image);
      const expected = contents[number]?.get(key);
      if (isThere && found !== expected)
        world.violate('content', `${zone} has ${found ?? '-'} at ${key}, not ${expected ?? '-'}`);
    }
    let counted: TableCounters = { ...NO_COUNTERS, digest: NO_DIGEST };
    for (const { number } of world.partitions) {
      const counters = node.copy(number).counters(TABLE);
      counted = {
        itemCount: counted.itemCount + counters.itemCount,
        sizeBytes: counted.sizeBytes + counters.sizeBytes,
        tombstoneCount: counted.tombstoneCount + counters.tombstoneCount,
        digest: addDigests(counted.digest, counters.digest),
      };
    }
    const found = await recount(node.store, TABLE);
    if (text(found) !== text(counted))
      world.violate('counters', `${zone} counts ${text(counted)} and holds ${text(found)}`);
  }
}

const text = (counters: TableCounters): string => JSON.stringify(counters);

/** What clients saw: see the checks of other worlds. Of a stream that lost something, what was before and after. */
export function checkHistory(world: StreamWorld): void {
  const { loss, partitions } = world;
  const isOfLost = ({ key }: Operation): boolean =>
    loss !== undefined && partitionOf(TABLE, keyBytes(key), partitions.length) === loss.partition;
  const violate: StreamWorld['violate'] = (checker, message) => world.violate(checker, message);
  const whole: HistoryWorld = {
    regions: world.regions,
    rolledBack: new Map(),
    history: world.history.filter((operation) => !isOfLost(operation)),
    violate,
  };
  checkRegisters(whole);
  checkCounters(whole);
  checkAcknowledged(world, whole.history);
  if (loss === undefined) return;
  const ofLost = world.history.filter(isOfLost);
  checkRegisters({ ...whole, rolledBack: new Map([[REGION, loss.since]]), history: ofLost });
  const { until } = loss;
  if (until === undefined) return;
  const later = ofLost.filter(({ invoked }) => invoked > until);
  for (const key of new Set(later.map((operation) => operation.key))) {
    if (!/-[ru]\d+$/.test(key)) continue;
    const operations = later.filter((operation) => operation.key === key);
    const problem = explainRegister(operations, loss.content.get(key));
    if (problem !== undefined)
      world.violate('linearizable', `${key} since the rebuild: ${problem}`);
  }
  checkAcknowledged(world, later);
  if (loss.kind === 'stream lost')
    for (const { id, key, invoked, returned, outcome } of ofLost)
      if (invoked > loss.since && (returned ?? Infinity) < until && 'seen' in outcome)
        world.violate('false answer', `${key}: #${id} was answered without a stream`);
}

function checkAcknowledged(world: StreamWorld, history: readonly Operation[]): void {
  for (const { id, key, action, outcome } of history) {
    if (action.kind !== 'write' || outcome.kind !== 'applied' || action.value === undefined)
      continue;
    const { truth } = world.partition(partitionOf(TABLE, keyBytes(key), world.partitions.length));
    if (!truth.values.has(action.value))
      world.violate('acknowledged', `${key}: #${id} was acknowledged and is in no log`);
  }
}
