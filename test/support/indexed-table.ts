import type { IndexDefinition, KeyAttribute, TableDefinition } from '../../src/model/table.ts';
import type { Region } from '../../src/region/region.ts';

const attribute = (name: string): KeyAttribute => ({ name, type: 'S' });

/** Indexes over a table with the keys `a` and `b`; all their attributes are texts. */
export const EXAMPLE_INDEXES: readonly IndexDefinition[] = [
  {
    name: 'local-all',
    kind: 'local',
    partition: [attribute('a')],
    sort: [attribute('c')],
    projection: { kind: 'all' },
  },
  {
    name: 'local-some',
    kind: 'local',
    partition: [attribute('a')],
    sort: [attribute('d')],
    projection: { kind: 'include', attributes: ['e'] },
  },
  {
    name: 'global-all',
    kind: 'global',
    partition: [attribute('c')],
    sort: [],
    projection: { kind: 'all' },
  },
  {
    name: 'global-some',
    kind: 'global',
    partition: [attribute('c')],
    sort: [attribute('d')],
    projection: { kind: 'include', attributes: ['e'] },
  },
  {
    name: 'global-many',
    kind: 'global',
    partition: [attribute('h1'), attribute('h2')],
    sort: [attribute('r1'), { name: 'r2', type: 'N' }, attribute('r3')],
    projection: { kind: 'keys' },
  },
];

let tables = 0;

/** Makes a table with the keys `a` and `b`, texts, and these indexes. */
export async function createIndexedTable(
  region: Region,
  indexes: readonly IndexDefinition[] = EXAMPLE_INDEXES,
): Promise<string> {
  tables += 1;
  const name = `indexed-${tables}`;
  await region.createTable(name, indexedDefinition(indexes));
  return name;
}

function indexedDefinition(indexes: readonly IndexDefinition[]): TableDefinition {
  const keySchema = { partition: attribute('a'), sort: attribute('b') };
  const keys = [keySchema.partition, keySchema.sort];
  for (const { partition, sort } of indexes) keys.push(...partition, ...sort);
  return {
    keySchema,
    attributeDefinitions: keys.filter(
      ({ name }, place) => keys.findIndex((other) => other.name === name) === place,
    ),
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
    indexes,
  };
}
