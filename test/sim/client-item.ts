import type { ConditionExpression } from '../../src/expression/ast.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import type { TableDefinition } from '../../src/model/table.ts';
import type {
  ItemChange,
  ItemImage,
  ItemRead,
  ItemWrite,
  Region,
} from '../../src/region/region.ts';
import type { Action, Expectation, Outcome } from './history.ts';

/** Of the clients' tables. */
export const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

export const keyBytes = (key: string): Uint8Array =>
  encodeItemKey(DEFINITION.keySchema, { id: { S: key } });

export const attributesOf = (key: string, value: string, fill: number): AttributeMap => ({
  id: { S: key },
  v: { S: value },
  fill: { S: 'x'.repeat(fill) },
});

/** The value in an item's image: `v` of a register, `n` of a counter. */
export function valueOf(image: Uint8Array | undefined): string | undefined {
  if (image === undefined) return undefined;
  const item: { readonly v?: { readonly S: string }; readonly n?: { readonly N: string } } =
    JSON.parse(Buffer.from(image).toString());
  return item.v?.S ?? item.n?.N;
}

/** What an action on an item asks for. `fill`: how much is put beside the value. */
export function writeOf(key: string, action: WriteAction, fill: number): Omit<ItemWrite, 'table'> {
  return {
    key: keyBytes(key),
    change: changeOf(key, action, fill),
    condition: action.kind === 'add' ? undefined : conditionOf(action.expects),
    cause: 'user',
  };
}

/** Carries a write out: every second one that asks for nothing is a batch. Rejects as `write` does. */
export async function writeItem(region: Region, id: number, write: ItemWrite): Promise<Outcome> {
  const { change, condition } = write;
  if (id % 2 === 1 || change.kind === 'update' || condition !== undefined) {
    const outcome = await region.write(write);
    return { kind: outcome.kind, seen: valueOf(outcome.before?.image) };
  }
  const results = await region.writeEach([{ ...write, change, condition }]);
  for (const result of results) if (result.kind === 'failed') throw result.error;
  return { kind: 'applied' };
}

/** What stands at a key: every second strong read is a batch. Rejects as `getItem` does. */
export async function readItem(region: Region, id: number, read: ItemRead): Promise<Outcome> {
  const { table, key, consistent } = read;
  const [item] =
    consistent && id % 2 === 0
      ? await region.getCommittedItems(table, [key])
      : [await region.getItem(read)];
  return { kind: 'read', seen: valueOf(item?.image) };
}

type WriteAction = Exclude<Action, { readonly kind: 'read' | 'read nearby' }>;

function changeOf(key: string, action: WriteAction, fill: number): ItemChange {
  if (action.kind === 'add') {
    const keyAttributes: AttributeMap = { id: { S: key } };
    const actions = [{ kind: 'add', path: ['n'], value: { N: '1' } }] as const;
    return { kind: 'update', update: { actions }, keyAttributes };
  }
  if (action.value === undefined) return { kind: 'delete' };
  return { kind: 'put', ...imageOf(attributesOf(key, action.value, fill)) };
}

const imageOf = (item: AttributeMap): ItemImage => ({
  image: Buffer.from(JSON.stringify(item)),
  itemBytes: itemSizeBytes(item),
});

function conditionOf(expects: Expectation | undefined): ConditionExpression | undefined {
  if (expects === undefined) return undefined;
  if (expects.kind === 'absent') return { kind: 'attribute_not_exists', path: ['id'] };
  return {
    kind: 'compare',
    comparator: '=',
    left: { kind: 'path', path: ['v'] },
    right: { kind: 'value', value: { S: expects.value } },
  };
}
