import { present } from '../../../src/base/assert.ts';
import { addDigests, NO_DIGEST } from '../../../src/model/item-digest.ts';
import {
  NO_COUNTERS,
  type Position,
  START,
  type TableCounters,
} from '../../../src/storage/apply.ts';
import {
  HASHES,
  itemKeyIn,
  itemSpaceRange,
  positionKey,
  rebuildingKey,
  uncountedKey,
  uncountedTablesRange,
  type HashRange,
} from '../../../src/storage/key-layout.ts';
import type { KeyValuePair } from '../../../src/storage/key-value-store.ts';
import { decodePosition } from '../../../src/storage/meta-codec.ts';
import { decodePair, readItem } from '../../../src/storage/read.ts';
import { recount } from '../../support/recount.ts';
import { checkCounters, checkRegisters, type HistoryWorld } from '../checkers/history-checks.ts';
import { explainRegister } from '../checkers/linearizability.ts';
import { keyBytes, valueOf } from '../client-item.ts';
import type { Operation } from '../history.ts';
import { keyText } from '../truth.ts';
import { REGION } from './stream-options.ts';
import { partitionsOf, valueAt as valueStanding } from './stream-splits.ts';
import type { HeldItem, Loss, StreamPartition, StreamWorld } from './stream-world.ts';

type Pairs = readonly KeyValuePair[];

/** Where a copy stands, as its store says; undefined while it is being filled. */
export function positionIn(pairs: Pairs, partition: number): Position | undefined {
  if (valueAt(pairs, rebuildingKey(partition)) !== undefined) return undefined;
  const value = valueAt(pairs, positionKey(partition));
  return value === undefined ? START : decodePosition(value);
}

const valueAt = (pairs: Pairs, key: Uint8Array): Uint8Array | undefined =>
  pairs.find(([each]) => Buffer.compare(each, key) === 0)?.[1];

/**
 * What the copies of a partition hold of the clients' items. Not of those that are behind another one: what they have beyond it
 * was deleted since.
 */
export function itemsHeld(world: StreamWorld, partition: number): readonly HeldItem[] {
  const { table } = world;
  if (table === undefined) return [];
  const hashes = world.layout.hashesOf(partition);
  const places = new Map<string, number>(
    world.nodes.map(({ zone, store }) => [
      zone,
      positionIn(store.disk.pairs(), partition)?.index ?? 0,
    ]),
  );
  const furthest = Math.max(...places.values());
  return itemsWithin(world, { partition, hashes, table }).filter(
    ({ zone }) => places.get(zone) === furthest,
  );
}

function itemsWithin(
  world: StreamWorld,
  {
    partition,
    hashes,
    table,
  }: { readonly partition: number; readonly hashes: HashRange; readonly table: number },
): readonly HeldItem[] {
  const range = itemSpaceRange('items', table, hashes);
  return world.nodes.flatMap(({ zone, store }) => {
    const pairs = store.disk.pairs();
    if (positionIn(pairs, partition) === undefined) return [];
    return pairs
      .filter(([key]) => Buffer.compare(key, range.from) >= 0 && Buffer.compare(key, range.to) < 0)
      .map((pair) => ({
        zone,
        key: keyText(itemKeyIn(pair[0])),
        time: decodePair(pair).version.time,
      }));
  });
}

/** What is applied, and what is answered as committed, stands in the stream; copies at one place hold the same bytes. */
export function lookAtCopies(world: StreamWorld): void {
  const byPlace = new Map<string, { readonly zone: string; readonly pairs: Pairs }>();
  for (const { zone, running, store } of world.nodes) {
    const pairs = store.disk.pairs();
    const positions = world.partitions.map(({ number }) => positionIn(pairs, number));
    for (const { number, truth } of world.partitions) {
      if (world.isInDoubt(number)) continue;
      const position = positions[number];
      if (position !== undefined && !truth.has(position))
        world.violate('copies', `${zone} has applied an entry ${position.index} that is not valid`);
      const committed = running?.engine.core.partitions[number]?.leading?.committed;
      if (committed !== undefined && !truth.has(committed))
        world.violate(
          'leader',
          `${zone} has committed an entry ${committed.index} that is not valid`,
        );
    }
    if (positions.includes(undefined)) continue;
    const place = positions.map((position) => Object.values(position ?? {}).join('/')).join(' ');
    const compared = pairs.filter(([key]) => key[0] !== ofStore && !isOfCount(key));
    const other = byPlace.get(place);
    if (other === undefined) byPlace.set(place, { zone, pairs: compared });
    else if (!areEqual(other.pairs, compared))
      world.violate(
        'copies',
        `${other.zone} and ${zone} differ at ${place}: ${differenceOf(other.pairs, compared)}`,
      );
  }
}

/** What a store notes of itself, not of what it holds. */
const ofStore = 's'.charCodeAt(0);

/** What a copy lacks of its counters since a split is counted at a node's own time. */
function isOfCount(key: Uint8Array): boolean {
  for (let partition = 0; partition < partitionsMax; partition += 1) {
    const { from, to } = uncountedTablesRange(partition);
    if (Buffer.compare(key, uncountedKey(partition)) === 0) return true;
    if (Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0) return true;
  }
  return false;
}

/** A world has fewer. */
const partitionsMax = 16;

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

function differenceOf(a: Pairs, b: Pairs): string {
  const at = a.findIndex((pair, place) => !areEqual([pair], b.slice(place, place + 1)));
  return [a, b]
    .map((pairs) => pairs[at < 0 ? Math.min(a.length, b.length) : at])
    .map((pair) => (pair === undefined ? '-' : pair.map(printable).join('=')))
    .join(' and ');
}

const printable = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '.')
    .slice(0, 200);

/** In a world at rest: every copy holds what the stream says, and counts what it holds. */
export async function checkContent(world: StreamWorld): Promise<void> {
  const table = present(world.table, 'the table');
  const keys = new Set(world.history.map(({ key }) => key));
  for (const { zone, running } of world.nodes) {
    if (running === undefined) continue;
    const { node } = running.engine.core;
    for (const key of keys) {
      const bytes = keyBytes(key);
      const { truth, number } = partitionFor(world, key);
      const isThere = node.copy(number).position.index === truth.endIndex;
      const found = valueOf(readItem(node.store, table, bytes)?.image);
      const expected = valueStanding(world, key);
      if (isThere && found !== expected)
        world.violate('content', `${zone} has ${found ?? '-'} at ${key}, not ${expected ?? '-'}`);
    }
    let counted: TableCounters = { ...NO_COUNTERS, digest: NO_DIGEST };
    for (const { number } of world.partitions) {
      const counters = node.copy(number).counters(table);
      counted = {
        itemCount: counted.itemCount + counters.itemCount,
        sizeBytes: counted.sizeBytes + counters.sizeBytes,
        tombstoneCount: counted.tombstoneCount + counters.tombstoneCount,
        digest: addDigests(counted.digest, counters.digest),
      };
    }
    const found = await recount(node.store, table);
    if (text(found) !== text(counted))
      world.violate('counters', `${zone} counts ${text(counted)} and holds ${text(found)}`);
  }
}

const text = (counters: TableCounters): string => JSON.stringify(counters);

/** What clients saw: see the checks of other worlds. Of a stream that lost something, what was before and after. */
export function checkHistory(world: StreamWorld): void {
  const { loss } = world;
  const isOfLost = ({ key }: Operation): boolean =>
    loss !== undefined && partitionFor(world, key).number === loss.partition;
  const violate: StreamWorld['violate'] = (checker, message) => {
    world.violate(checker, message);
  };
  const whole: HistoryWorld = {
    regions: world.regions,
    rolledBack: new Map(),
    history: world.history.filter((operation) => !isOfLost(operation)),
    violate,
  };
  checkRegisters(whole);
  checkCounters(whole);
  checkAcknowledged(world, whole.history);
  checkEventual(world);
  if (loss === undefined) return;
  const ofLost = world.history.filter(isOfLost);
  checkRegisters({ ...whole, rolledBack: new Map([[REGION, loss.since]]), history: ofLost });
  checkSinceLoss(world, loss, ofLost);
}

const partitionFor = (world: StreamWorld, key: string): StreamPartition =>
  present(partitionsOf(world, key)[0], 'a partition');

/** Whether a value ever stood in a log at that key. */
const wasLogged = (world: StreamWorld, key: string, value: string): boolean =>
  partitionsOf(world, key).some(({ truth }) => truth.values.has(value));

function checkSinceLoss(world: StreamWorld, loss: Loss, ofLost: readonly Operation[]): void {
  const { until } = loss;
  if (until === undefined) return;
  const later = ofLost.filter(({ invoked }) => invoked > until);
  const open = ofLost.filter(
    ({ invoked, outcome }) => invoked <= until && outcome.kind === 'unknown',
  );
  for (const key of new Set(later.map((operation) => operation.key))) {
    if (!/-[ru]\d+$/.test(key)) continue;
    // What was asked before, and nobody knows the outcome of, may come to be later still.
    const operations = [...open, ...later].filter(
      (operation) => operation.key === key && operation.action.kind !== 'read nearby',
    );
    const problem = explainRegister(operations, loss.content.get(key));
    if (problem !== undefined)
      world.violate('linearizable', `${key} since the log goes on: ${problem}`);
  }
  checkAcknowledged(world, later);
  if (loss.kind === 'stream went back') return;
  for (const { id, key, action, invoked, returned, outcome } of ofLost) {
    if (action.kind === 'read nearby') continue;
    // What appends nothing may still be answered by the lease, and tells what was acknowledged.
    const since = outcome.kind === 'applied' ? loss.since : loss.leasesOver;
    const isTold = outcome.kind === 'applied' || 'seen' in outcome;
    if (invoked > since && (returned ?? Infinity) < loss.begun && isTold)
      world.violate('false answer', `${key}: #${id} was answered without a stream`);
  }
}

/** Nothing that any copy held when a stream was lost is older now, or gone without having been deleted. */
export function checkHeld(world: StreamWorld): void {
  const { loss } = world;
  if (loss === undefined) return;
  // Some of it may be of a child by now.
  const everywhere = { from: 0, to: HASHES };
  const table = present(world.table, 'the table');
  const held = itemsWithin(world, { partition: loss.partition, hashes: everywhere, table });
  const now = new Map(held.map(({ key, time }) => [key, time]));
  for (const { zone, key, time } of loss.held) {
    const wasDeleted = world.history.some(
      (operation) =>
        operation.key === key &&
        operation.action.kind === 'write' &&
        operation.action.value === undefined &&
        (operation.returned ?? Infinity) > loss.since,
    );
    const found = now.get(key);
    if (found === undefined ? !wasDeleted : found < time)
      world.violate(
        'held',
        `${key} is ${found === undefined ? 'gone' : 'older'}, and ${zone} had it`,
      );
  }
}

/** An eventually consistent read sees what stands in the log, whenever. */
function checkEventual(world: StreamWorld): void {
  for (const { id, key, action, outcome } of world.history) {
    if (action.kind !== 'read nearby' || outcome.kind !== 'read') continue;
    world.count('eventual read');
    if (outcome.seen !== undefined && !wasLogged(world, key, outcome.seen))
      world.violate('eventual', `${key}: #${id} read what is in no log`);
  }
}

function checkAcknowledged(world: StreamWorld, history: readonly Operation[]): void {
  for (const { id, key, action, outcome } of history) {
    if (action.kind !== 'write' || outcome.kind !== 'applied' || action.value === undefined)
      continue;
    if (!wasLogged(world, key, action.value))
      world.violate('acknowledged', `${key}: #${id} was acknowledged and is in no log`);
  }
}
