import type { ConditionExpression } from '../../src/expression/ast.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import type { TableDefinition } from '../../src/model/table.ts';
import type { ItemChange, ItemImage, ItemWrite } from '../../src/region/region.ts';
import type { Action, Expectation } from './history.ts';

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
