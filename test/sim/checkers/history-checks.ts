import type { Operation } from '../history.ts';
import type { World } from '../world.ts';
import { explainRegister } from './linearizability.ts';

/** What of a world tells of its clients. */
export interface HistoryWorld extends Pick<World, 'history' | 'rolledBack' | 'violate'> {
  readonly regions: readonly { readonly name: string }[];
}

/** Strong reads, conditions and refusals are linearizable within the region that alone writes a key. */
export function checkRegisters(world: HistoryWorld): void {
  for (const region of world.regions) {
    const until = world.rolledBack.get(region.name) ?? Infinity;
    for (const [key, all] of byKey(world.history, region.name, /-[ru]\d+$/)) {
      const operations = all
        .filter(({ invoked }) => invoked < until)
        .map((operation): Operation =>
          (operation.returned ?? Infinity) < until
            ? operation
            : { ...operation, returned: undefined, outcome: { kind: 'unknown' } },
        );
      const problem = explainRegister(operations, undefined);
      if (problem !== undefined) world.violate('linearizable', `${key}: ${problem}`);
    }
  }
}

/** A counter holds at least what was acknowledged and at most what was asked for, at each read. */
export function checkCounters(world: HistoryWorld): void {
  for (const region of world.regions) {
    if (world.rolledBack.has(region.name)) continue;
    for (const [key, operations] of byKey(world.history, region.name, /-c$/)) {
      const adds = operations.filter(
        ({ action, outcome }) => action.kind === 'add' && outcome.kind !== 'failed',
      );
      const asked = adds.map(({ invoked }) => invoked);
      const acknowledged = adds
        .filter(({ outcome }) => outcome.kind === 'applied')
        .map(({ returned }) => returned ?? Infinity)
        .toSorted((a, b) => a - b);
      for (const { id, action, outcome, invoked, returned } of operations) {
        if (action.kind !== 'read' || outcome.kind !== 'read') continue;
        const found = Number(outcome.seen ?? '0');
        const least = below(acknowledged, invoked);
        const most = below(asked, returned ?? Infinity);
        if (found < least || found > most)
          world.violate('counter', `${key}: #${id} read ${found}, not ${least} to ${most}`);
      }
    }
  }
}

/** How many of rising numbers are below `bound`. */
function below(numbers: readonly number[], bound: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? Infinity) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whatever was acknowledged is in the log of its region, unless that was taken away by an old disk, or with the region. */
export function checkAcknowledged(world: World): void {
  for (const region of world.regions) {
    const truth = world.truth(region.name);
    if (truth.wasRolledBack || world.lost.has(region.name)) continue;
    for (const { id, action, outcome, region: where, key } of world.history) {
      if (where !== region.name || action.kind !== 'write' || outcome.kind !== 'applied') continue;
      if (action.value !== undefined && !truth.values.has(action.value))
        world.violate('acknowledged', `${key}: #${id} was acknowledged and is in no log`);
    }
  }
}

function byKey(
  history: readonly Operation[],
  region: string,
  pattern: RegExp,
): ReadonlyMap<string, readonly Operation[]> {
  const found = new Map<string, Operation[]>();
  for (const operation of history) {
    const { key, action } = operation;
    if (operation.region !== region || !key.startsWith(`${region}-`) || !pattern.test(key))
      continue;
    if (action.kind === 'read nearby') continue;
    const list = found.get(key) ?? [];
    found.set(key, list);
    list.push(operation);
  }
  return found;
}
