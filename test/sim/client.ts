import { WOKEN } from '../../src/base/clock.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { ClientError } from '../../src/model/errors.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import type { ConditionExpression } from '../../src/expression/ast.ts';
import type { ItemChange, ItemImage, ItemWrite, Region } from '../../src/region/region.ts';
import type { Action, Expectation, Operation, Outcome } from './history.ts';
import type { SimRegion } from './sim-region.ts';
import type { World } from './world.ts';

/** How long a client waits for an answer. */
const clientTimeoutMs = 8000;

export const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

export const keyBytes = (key: string): Uint8Array =>
  encodeItemKey(DEFINITION.keySchema, { id: { S: key } });

const attributesOf = (key: string, value: string, fill: number): AttributeMap => ({
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

/** One client of one region: does one thing after another, and notes what it did and saw. */
export class Client {
  readonly name: string;
  readonly region: SimRegion;
  readonly #world: World;
  readonly #fill: number;

  constructor(world: World, region: SimRegion, name: string) {
    this.#world = world;
    this.region = region;
    this.name = name;
    this.#fill = world.options.valueBytes;
  }

  async read(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'read' });
  }

  async readNearby(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'read nearby' });
  }

  async write(
    table: string,
    key: string,
    value: string | undefined,
    expects?: Expectation,
  ): Promise<Operation> {
    return this.#do(table, key, { kind: 'write', value, expects });
  }

  async add(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'add' });
  }

  async #do(tableName: string, key: string, action: Action): Promise<Operation> {
    const world = this.#world;
    const operation = world.invoke({
      region: this.region.name,
      client: this.name,
      table: tableName,
      key,
      action,
    });
    const { running } = this.region;
    if (running === undefined) return world.answer(operation, { kind: 'failed' });
    const { engine, life } = running;
    const table = engine.region.findTable(tableName);
    if (table === undefined) return world.answer(operation, { kind: 'failed' });
    const timer = new AbortController();
    const outcome = await Promise.race([
      life.turn().then(async () => this.#ask(engine.region, table, operation)),
      life.died.then((): Outcome => ({ kind: 'unknown' })),
      world.clock.sleep(clientTimeoutMs, timer.signal).then((): Outcome => ({ kind: 'unknown' })),
    ]);
    timer.abort(WOKEN);
    return world.answer(operation, outcome);
  }

  async #ask(region: Region, table: Table, { key: name, action }: Operation): Promise<Outcome> {
    const key = keyBytes(name);
    try {
      if (action.kind === 'read' || action.kind === 'read nearby') {
        const consistent = action.kind === 'read';
        const item = await region.getItem({ table: table.number, key, consistent });
        return { kind: 'read', seen: valueOf(item?.image) };
      }
      const outcome = await region.write({
        table: table.number,
        ...writeOf(name, action, this.#fill),
      });
      const seen = valueOf(outcome.before?.image);
      return { kind: outcome.kind, seen };
    } catch (error) {
      if (error instanceof ClientError && error.status < 500) return { kind: 'failed' };
      if (isBug(error)) this.#world.violate('errors', `${this.name} met ${String(error)}`);
      return { kind: action.kind.startsWith('read') ? 'failed' : 'unknown' };
    }
  }
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

/** Anything but a disk or a zone that is away: no fault of the world makes the program contradict itself. */
export const isBug = (error: unknown): boolean =>
  error instanceof Error && /^(Assertion|Type|Range|Reference)Error$/.test(error.name);
