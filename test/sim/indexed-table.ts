import type { AttributeMap } from '../../src/model/attribute-value.ts';
import type { IndexDefinition, TableDefinition } from '../../src/model/table.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** The table with secondary indexes, in the worlds that have one. */
export const INDEXED = 'indexed';

/** About one seed in three makes a world with indexes. Drawn apart, so that no other draw moves. */
export const isIndexSeed = (seed: number): boolean =>
  new SeededRandom(seed ^ INDEX_SALT).next() < 1 / 3;

const INDEX_SALT = 0x1ee9;

const PARTITION = { name: 'pk', type: 'S' } as const;
const RANK = { name: 'rank', type: 'N' } as const;
const COLOR = { name: 'color', type: 'S' } as const;
const SHADE = { name: 'shade', type: 'S' } as const;

const BY_RANK: IndexDefinition = {
  name: 'by rank',
  kind: 'local',
  partition: [PARTITION],
  sort: [RANK],
  projection: { kind: 'include', attributes: ['v'] },
};

const BY_COLOR: IndexDefinition = {
  name: 'by color',
  kind: 'global',
  partition: [COLOR],
  sort: [RANK],
  projection: { kind: 'all' },
};

const BY_SHADE: IndexDefinition = {
  name: 'by shade',
  kind: 'global',
  partition: [COLOR, SHADE],
  sort: [],
  projection: { kind: 'keys' },
};

/** The one that comes and goes. */
export const CHURNED_INDEX: IndexDefinition = {
  name: 'by shade and rank',
  kind: 'global',
  partition: [SHADE],
  sort: [RANK],
  projection: { kind: 'include', attributes: ['v'] },
};

export const INDEXED_DEFINITION: TableDefinition = {
  keySchema: { partition: PARTITION, sort: { name: 'sk', type: 'N' } },
  attributeDefinitions: [PARTITION, { name: 'sk', type: 'N' }, RANK, COLOR, SHADE],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
  indexes: [BY_RANK, BY_COLOR, BY_SHADE],
};

/** What an index must hold of these items, as sorted JSON texts: by what DynamoDB says, not by how entries are kept. */
export function projectionOf(
  index: IndexDefinition,
  items: readonly AttributeMap[],
): readonly string[] {
  const keys = [...index.partition, ...index.sort].map(({ name }) => name);
  return items
    .filter((item) => keys.every((name) => Object.hasOwn(item, name)))
    .map((item) => textOf(index.projection.kind === 'all' ? item : projected(index, keys, item)))
    .toSorted();
}

function projected(
  { projection }: IndexDefinition,
  keys: readonly string[],
  item: AttributeMap,
): AttributeMap {
  const included = projection.kind === 'include' ? projection.attributes : [];
  const names = new Set(['pk', 'sk', ...keys, ...included]);
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name)));
}

/** The same for equal items, in whatever order their attributes are. */
export const textOf = (item: AttributeMap): string =>
  JSON.stringify(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
