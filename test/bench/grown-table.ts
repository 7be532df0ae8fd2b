import { padded, unlike, type WireItem } from './bench-item.ts';
import { rawRequest } from './raw-request.ts';
import { times } from './times.ts';
import type { FillBatch, Workload } from './workload.ts';

/** A table that grows: partition and sort key, values that compress to half. */
const TABLE = 'bench-grown';
const LINES_PER_ORDER = 100;
const QUERY_LIMIT = 10;
const BATCH_ITEMS = 25;
/** Of different items, spread over all: what a load goes through before it repeats itself. */
const REQUESTS_MAX = 200_000;
/** Prime and above any number of items: multiplied by it, places jump about and no two meet. */
const JUMP = 618_034_003n;

/** The input of `CreateTable`. */
export const GROWN = {
  TableName: TABLE,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'order', AttributeType: 'S' },
    { AttributeName: 'line', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'order', KeyType: 'HASH' },
    { AttributeName: 'line', KeyType: 'RANGE' },
  ],
} as const;

/** For as many items as the table has. */
export const GROWN_WORKLOADS = {
  get: {
    name: 'grown GetItem',
    itemsPerRequest: 1,
    requests: (items = 0) =>
      spread(items, (at) => rawRequest('GetItem', { TableName: TABLE, Key: lineKey(at) })),
  },
  query: {
    name: 'grown Query',
    itemsPerRequest: QUERY_LIMIT,
    requests: (items = 0) => spread(items, (at) => rawRequest('Query', tenLines(at))),
  },
  put: {
    name: 'grown PutItem',
    itemsPerRequest: 1,
    requests: (items = 0) =>
      spread(items, (at) => rawRequest('PutItem', { TableName: TABLE, Item: line(at) })),
  },
} as const satisfies Readonly<Record<string, Workload>>;

/** The inputs of `BatchWriteItem` for the items from one place up to another. */
export function* grownBatches(from: number, to: number): Generator<FillBatch> {
  for (let at = from; at < to; at += BATCH_ITEMS) {
    const puts = times(Math.min(BATCH_ITEMS, to - at), (n) => ({
      PutRequest: { Item: line(at + n) },
    }));
    yield { RequestItems: { [TABLE]: puts } };
  }
}

/** Throws for a table without items. */
function spread(items: number, request: (at: number) => Buffer): readonly Buffer[] {
  if (items < 1) throw new RangeError('a grown table has items');
  return times(Math.min(items, REQUESTS_MAX), (n) => request(placeOf(n, items)));
}

/** The place of the n-th request among all items: different for different n, and near no other one. */
const placeOf = (n: number, items: number): number => Number((BigInt(n) * JUMP) % BigInt(items));

export const lineKey = (at: number): WireItem => ({
  order: { S: orderName(at) },
  line: { N: String(at % LINES_PER_ORDER) },
});

const orderName = (at: number): string =>
  `order-${String(Math.floor(at / LINES_PER_ORDER)).padStart(8, '0')}`;

const line = (at: number): WireItem => unlike(padded(lineKey(at)), at);

/** Ten lines of the order that holds the item. */
const tenLines = (at: number): object => ({
  TableName: TABLE,
  KeyConditionExpression: '#order = :order AND #line >= :first',
  ExpressionAttributeNames: { '#order': 'order', '#line': 'line' },
  ExpressionAttributeValues: {
    ':order': { S: orderName(at) },
    ':first': { N: String((at * 7) % (LINES_PER_ORDER - QUERY_LIMIT)) },
  },
  Limit: QUERY_LIMIT,
});
