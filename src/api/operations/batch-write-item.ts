import { present } from '../../base/assert.ts';
import { latin1Of } from '../../base/latin1.ts';
import type { AttributeMap } from '../../model/attribute-value.ts';
import { attributeOf } from '../../model/attribute-value.ts';
import { ClientError, validationError } from '../../model/errors.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { indexKeyRules, validateIndexKeys } from '../../model/index-key-validation.ts';
import { itemSizeBytes } from '../../model/item-size.ts';
import { parseJavaItem } from '../../model/java-value.ts';
import { validateItemKey, validateKey } from '../../model/key-validation.ts';
import { BATCH_WRITE_REQUESTS_MAX, ITEM_BYTES_MAX } from '../../model/limits.ts';
import { ITEM_TOO_LARGE, KEY_MISMATCH, VALUE_AMBIGUOUS } from '../../model/messages.ts';
import type { Table } from '../../model/table.ts';
import type { PlainWrite, Region, WriteResult } from '../../region/region.ts';
import { BATCH_WRITE_EMPTY, BATCH_WRITE_TOO_MANY, DUPLICATE_KEYS } from '../api-messages.ts';
import type { ConsumedCapacity, ReturnConsumedCapacity, Units } from '../consumed-capacity.ts';
import { consumedCapacity, sumOfUnits, writeUnits } from '../consumed-capacity.ts';
import type { ReturnItemCollectionMetrics } from '../item-collection-metrics.ts';
import { collectionMetricsByTable } from '../item-collection-metrics.ts';
import { unitsOfWrite } from '../item-write-answer.ts';
import type { Input, Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { itemTable } from '../table-access.ts';

interface BatchWriteItemInput {
  readonly RequestItems: Readonly<Record<string, readonly WriteRequest[]>>;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
  readonly ReturnItemCollectionMetrics?: ReturnItemCollectionMetrics;
}

interface WriteRequest {
  readonly PutRequest?: { readonly Item: unknown };
  readonly DeleteRequest?: { readonly Key: unknown };
}

/** One write of the batch; `attributes` are the item to put, or the key to delete. */
interface BatchWrite {
  /** What the client called the table. */
  readonly called: string;
  readonly kind: 'put' | 'delete';
  readonly attributes: AttributeMap;
  readonly itemBytes: number;
}

interface KeyedWrite extends BatchWrite {
  readonly table: Table;
  readonly key: Uint8Array;
}

export const batchWriteItemOperation: Operation = {
  name: 'BatchWriteItem',
  async run({ region }, input) {
    const request = checkedBatch(input);
    const tables = Object.entries(request.RequestItems);
    if (tables.length === 0) throw validationError(BATCH_WRITE_EMPTY);
    const writes = tables.flatMap(([called, requests]) =>
      requests.map((write) => parseWrite(called, write)),
    );
    if (writes.length > BATCH_WRITE_REQUESTS_MAX) throw validationError(BATCH_WRITE_TOO_MANY);
    const keyed = keyWrites(region, writes);
    const results = isCounted(keyed, request)
      ? await Promise.all(keyed.map(async (write) => writeCounted(region, write)))
      : await region.writeEach(keyed.map(plainWrite));
    return JSON.stringify(answer(keyed, results, request));
  },
};

/** What is wrong with the tables' names or lists is told only if nothing else is. Source: conformance. */
function checkedBatch(input: Input): BatchWriteItemInput {
  try {
    return checkedInput<BatchWriteItemInput>('BatchWriteItem', input);
  } catch (error) {
    const tables = input['RequestItems'];
    const told = error instanceof ClientError && error.code === 'ValidationException';
    if (told && tables !== undefined && tables !== null)
      checkedInput('BatchWriteItem', { ...input, RequestItems: {} });
    throw error;
  }
}

function parseWrite(called: string, request: WriteRequest): BatchWrite {
  const { PutRequest: put, DeleteRequest: remove } = request;
  if ((put === undefined) === (remove === undefined)) {
    throw validationError(VALUE_AMBIGUOUS);
  }
  if (put === undefined) {
    return { called, kind: 'delete', attributes: parseJavaItem(remove?.Key), itemBytes: 0 };
  }
  const attributes = parseJavaItem(put.Item);
  const itemBytes = itemSizeBytes(attributes);
  if (itemBytes > ITEM_BYTES_MAX) throw validationError(ITEM_TOO_LARGE);
  return { called, kind: 'put', attributes, itemBytes };
}

function keyWrites(region: Region, writes: readonly BatchWrite[]): readonly KeyedWrite[] {
  const seen = new Set<string>();
  const tables = new Map<string, Table>();
  return writes.map((write) => {
    const table = tables.get(write.called) ?? itemTable(region, write.called);
    tables.set(write.called, table);
    const { keySchema } = table.definition;
    if (write.kind === 'put') validateBatchedItem(table, write.attributes);
    else validateKey(keySchema, write.attributes);
    const key = encodeItemKey(keySchema, write.attributes);
    if (writes.length > 1) {
      const identity = `${table.number}/${latin1Of(key)}`;
      if (seen.has(identity)) throw validationError(DUPLICATE_KEYS);
      seen.add(identity);
    }
    const { called, kind, attributes, itemBytes } = write;
    return { called, kind, attributes, itemBytes, table, key };
  });
}

/** As PutItem does, but DynamoDB has one wording here for a key that is missing or of another type. */
function validateBatchedItem(table: Table, item: AttributeMap): void {
  const { keySchema } = table.definition;
  for (const key of [keySchema.partition, keySchema.sort]) {
    if (key === undefined) continue;
    const value = attributeOf(item, key.name);
    if (value === undefined || !(key.type in value)) throw validationError(KEY_MISMATCH);
  }
  validateItemKey(keySchema, item);
  validateIndexKeys(indexKeyRules(table), item);
}

function plainWrite({ table, key, kind, attributes, itemBytes }: KeyedWrite): PlainWrite {
  const change: PlainWrite['change'] =
    kind === 'put'
      ? { kind, image: Buffer.from(JSON.stringify(attributes)), itemBytes }
      : { kind: 'delete' };
  return { table: table.number, key, change, condition: undefined, cause: 'user' };
}

/** Whether units of indexes are to be told, for which it takes both images. */
const isCounted = (writes: readonly KeyedWrite[], wanted: BatchWriteItemInput): boolean =>
  isCapacityWanted(wanted) && writes.some(({ table }) => (table.indexes?.length ?? 0) > 0);

type Result = WriteResult | { readonly kind: 'counted'; readonly units: Units };

async function writeCounted(region: Region, write: KeyedWrite): Promise<Result> {
  try {
    const outcome = await region.write(plainWrite(write));
    const after = outcome.kind === 'applied' ? outcome.after : undefined;
    return { kind: 'counted', units: unitsOfWrite(write.table, { before: outcome.before, after }) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** Writes that failed on this side, or met a transaction, are given back; when none went well the failure is the answer. */
function answer(
  writes: readonly KeyedWrite[],
  results: readonly Result[],
  wanted: BatchWriteItemInput,
): Readonly<Record<string, unknown>> {
  const unprocessed = new Map<string, WriteRequest[]>();
  const done: DoneWrite[] = [];
  let failure: Failure | undefined;
  for (const [place, write] of writes.entries()) {
    const result = present(results[place], 'a result of every write');
    if (result.kind !== 'failed') {
      done.push({ write, result });
      continue;
    }
    const { error } = result;
    if (!isServiceFailure(error) && !isConflict(error)) throw error;
    if (!isConflict(error)) failure ??= result;
    const waiting = unprocessed.get(write.called) ?? [];
    unprocessed.set(write.called, [...waiting, requestOf(write)]);
  }
  if (done.length === 0 && failure !== undefined) throw failure.error;
  return {
    UnprocessedItems: Object.fromEntries(unprocessed),
    ItemCollectionMetrics: collectionMetricsByTable(
      wanted.ReturnItemCollectionMetrics,
      done.map(({ write }) => write),
    ),
    ConsumedCapacity: isCapacityWanted(wanted)
      ? capacities(done, wanted.ReturnConsumedCapacity)
      : undefined,
  };
}

const isCapacityWanted = ({ ReturnConsumedCapacity: wanted }: BatchWriteItemInput): boolean =>
  wanted !== undefined && wanted !== 'NONE';

type Failure = Extract<Result, { kind: 'failed' }>;

const isServiceFailure = (reason: unknown): boolean =>
  reason instanceof ClientError && reason.status >= 500;

/**
 * A transaction is under way on the item. BatchWriteItem has no such error in the service model: its own are for the whole request.
 */
const isConflict = (reason: unknown): boolean =>
  reason instanceof ClientError && reason.code === 'TransactionConflictException';

interface DoneWrite {
  readonly write: KeyedWrite;
  readonly result: Exclude<Result, Failure>;
}

const unitsOf = ({ result }: DoneWrite): Units =>
  result.kind === 'counted'
    ? result.units
    : { table: writeUnits(result.beforeBytes, result.afterBytes), indexes: [] };

const requestOf = ({ kind, attributes }: BatchWrite): WriteRequest =>
  kind === 'put' ? { PutRequest: { Item: attributes } } : { DeleteRequest: { Key: attributes } };

function capacities(
  done: readonly DoneWrite[],
  wanted: ReturnConsumedCapacity | undefined,
): readonly (ConsumedCapacity | undefined)[] {
  return [...byTable(done)].map(([called, writes]) =>
    consumedCapacity(wanted, called, sumOfUnits(writes.map(unitsOf))),
  );
}

function byTable(done: readonly DoneWrite[]): ReadonlyMap<string, readonly DoneWrite[]> {
  const writes = new Map<string, DoneWrite[]>();
  for (const each of done) {
    writes.set(each.write.called, [...(writes.get(each.write.called) ?? []), each]);
  }
  return writes;
}
