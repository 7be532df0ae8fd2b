import type { AttributeMap } from '../../../src/model/attribute-value.ts';
import { indexKeyRange } from '../../../src/model/index-key.ts';
import { partitionKeyRange } from '../../../src/model/item-key.ts';
import type { TableIndex } from '../../../src/model/table.ts';
import { INDEXED, projectionOf, textOf } from '../indexed-table.ts';
import type { Running, SimRegion } from '../sim-region.ts';
import type { World } from '../world.ts';
import { holdersOf } from './state-checks.ts';

const PAGE_BYTES = 1 << 20;

/** Every item, or entry, of that number in a region. */
async function itemsOf({ engine }: Running, number: number): Promise<readonly AttributeMap[]> {
  const items: AttributeMap[] = [];
  for (const partition of engine.core.partitions) {
    let after: Uint8Array | undefined;
    for (;;) {
      const page = await partition.scan(number, after, PAGE_BYTES);
      const last = page.at(-1);
      if (last === undefined) break;
      for (const { image } of page) if (image !== undefined) items.push(itemIn(image));
      after = last.key;
    }
  }
  return items;
}

const itemIn = (image: Uint8Array): AttributeMap => JSON.parse(Buffer.from(image).toString());

/** In words, what indexes are still to take, or are not made of. */
export function indexesLacking({ name, running }: SimRegion): readonly string[] {
  if (running === undefined) return [];
  const { indexes, core } = running.engine;
  const pending = indexes.pendingEntries().reduce((sum, each) => sum + each, 0);
  const unfinished = core.catalogue.all.flatMap(({ indexes: of = [] }) =>
    of.filter(({ status }) => status !== 'ACTIVE'),
  );
  return [
    ...(pending > 0 ? [`indexes of ${name} lack ${pending} entries`] : []),
    ...unfinished.map(({ definition, status }) => `${definition.name} in ${name} is ${status}`),
  ];
}

/** When nothing is under way, every index of every region is the projection of the table there: no change of it was lost. */
export async function checkIndexes(world: World): Promise<void> {
  for (const { region, running, table } of holdersOf(world, INDEXED)) {
    const items = await itemsOf(running, table.number);
    for (const { definition, number } of table.indexes ?? []) {
      const entries = (await itemsOf(running, number)).map(textOf).toSorted();
      const difference = differenceOf(entries, projectionOf(definition, items));
      if (difference !== undefined)
        world.violate('index', `${definition.name} in ${region.name}: ${difference}`);
    }
  }
}

/**
 * A strong query of a local index is the projection of the items of that partition key, whenever nothing changed between
 * a strong query before it and one after it. No value is written twice, so that equal items are the same.
 */
export async function checkLocalIndexes(
  world: World,
  running: Running,
  { region, key }: { readonly region: string; readonly key: string },
): Promise<void> {
  const table = running.engine.region.findTable(INDEXED);
  if (table === undefined) return;
  const { keySchema } = table.definition;
  const items = async (): Promise<readonly AttributeMap[]> =>
    strongQuery(running, table.number, partitionKeyRange(keySchema, { S: key }));
  for (const { definition, number } of (table.indexes ?? []).filter(isLocal)) {
    const before = await items();
    const range = indexKeyRange(definition, [{ S: key }], []);
    const entries = (await strongQuery(running, number, range)).map(textOf).toSorted();
    const after = await items();
    if (!isSame(before, after)) continue;
    world.count('local index checked');
    const difference = differenceOf(entries, projectionOf(definition, before));
    if (difference !== undefined)
      world.violate('local index', `${definition.name} of ${key} in ${region}: ${difference}`);
  }
}

const isLocal = ({ definition, status }: TableIndex): boolean =>
  definition.kind === 'local' && status === 'ACTIVE';

async function strongQuery(
  { engine }: Running,
  table: number,
  range: { readonly from: Uint8Array; readonly to: Uint8Array },
): Promise<readonly AttributeMap[]> {
  const page = await engine.region.query({
    table,
    ...range,
    forward: true,
    consistent: true,
    limit: undefined,
    startAfter: undefined,
  });
  return page.items.map(({ image }) => itemIn(image));
}

const isSame = (a: readonly AttributeMap[], b: readonly AttributeMap[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** Both sorted. */
function differenceOf(found: readonly string[], expected: readonly string[]): string | undefined {
  if (JSON.stringify(found) === JSON.stringify(expected)) return undefined;
  const lacking = expected.find((text) => !found.includes(text));
  const surplus = found.find((text) => !expected.includes(text));
  return `${found.length} entries, not ${expected.length}; lacks ${lacking ?? 'none'}; has ${surplus ?? 'one twice'}`;
}
