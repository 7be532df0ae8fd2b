import { assert } from '../base/assert.ts';
import { READ_UNIT_BYTES } from '../model/limits.ts';
import type { Table } from '../model/table.ts';
import type { TransactedItem } from '../region/region.ts';
import type {
  ConsumedCapacity,
  IndexUnits,
  ReturnConsumedCapacity,
  Units,
} from './consumed-capacity.ts';
import { sumOfUnits, transactedCapacity, writeUnits } from './consumed-capacity.ts';
import { unitsOfWrite } from './item-write-answer.ts';

/** A part of a transaction costs what it would cost alone, twice: to prepare, and to commit. */
const TRANSACTION_FACTOR = 2;

/** What one action of a transaction took of its table. */
export interface ActionUnits {
  readonly table: Table;
  /** What the client called the table. */
  readonly called: string;
  readonly units: Units;
}

/** Units of reading an item of that size, or of finding none. Source: conformance. */
export const transactedReadUnits = (itemBytes: number): Units => ({
  table: TRANSACTION_FACTOR * Math.max(1, Math.ceil(itemBytes / READ_UNIT_BYTES)),
  indexes: [],
});

/** Units of a write; `isCheck` of a condition that was only looked at, which costs what a write of the item would. */
export function transactedWriteUnits(
  table: Table,
  { before, after }: TransactedItem,
  isCheck: boolean,
): Units {
  const { table: own, indexes } = isCheck
    ? { table: writeUnits(before?.itemBytes ?? 0, 0), indexes: [] }
    : unitsOfWrite(table, { before, after });
  const twice = ({ index, units }: IndexUnits): IndexUnits => ({
    index,
    units: TRANSACTION_FACTOR * units,
  });
  return { table: TRANSACTION_FACTOR * own, indexes: indexes.map(twice) };
}

/** What an answer says of the units, a table each, in the order in which the actions name them; undefined: not asked. */
export function transactedCapacities(
  wanted: ReturnConsumedCapacity | undefined,
  kind: 'read' | 'write',
  actions: () => readonly ActionUnits[],
): readonly ConsumedCapacity[] | undefined {
  if (wanted === undefined || wanted === 'NONE') return undefined;
  const tables = new Map<number, ActionUnits[]>();
  for (const action of actions()) {
    const known = tables.get(action.table.number);
    if (known === undefined) tables.set(action.table.number, [action]);
    else known.push(action);
  }
  return [...tables.values()].map((own) => {
    const [first] = own;
    assert(first !== undefined, 'a table has come with an action');
    const units = sumOfUnits(own.map((each) => each.units));
    return transactedCapacity(wanted, kind, { tableName: first.called, units });
  });
}
