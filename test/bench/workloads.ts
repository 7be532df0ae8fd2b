import type { WireItem } from './bench-item.ts';
import { padded, unlike } from './bench-item.ts';
import { GROWN_WORKLOADS } from './grown-table.ts';
import { rawRequest } from './raw-request.ts';
import type { TargetName } from './targets.ts';
import { times } from './times.ts';
import type { FillBatch, Workload } from './workload.ts';

/** The items of `GetItem`, `PutItem`, `UpdateItem` and `BatchWriteItem`: a partition key only. */
const ITEMS_TABLE = 'bench-items';
/** The items of `Query`: a partition and a sort key. */
const LINES_TABLE = 'bench-lines';
/** As the items, with a stream of both images. */
const STREAMED_TABLE = 'bench-streamed';
/** What is replicated: as the items, with values that compress to half. */
const SHARED_TABLE = 'bench-shared';
/** The same items in one region. */
const REGIONAL_TABLE = 'bench-regional';
/** What is scanned, copied to another region and written while something else is measured. */
const BALLAST_TABLE = 'bench-ballast';
const BALLAST_ITEMS = 100_000;

/** What comes to its end while something else is measured. */
const EXPIRING_TABLE = 'bench-expiring';
export const EXPIRING_COUNT = 10_000;

export const ITEM_COUNT = 10_000;
/** The one that is written by everybody. */
const HOT_ITEM = 4711;
const BATCH_ITEMS = 25;
const TRANSACTION_ITEMS = 4;
const ORDER_COUNT = 100;
const LINES_PER_ORDER = 100;
const QUERY_LIMIT = 10;
const BATCH_REQUESTS = 400;
const QUERY_REQUESTS = 5000;
/** 100,000 items, so that few are written twice soon after each other. */
const SHARED_BATCH_REQUESTS = 4000;

/** Beside them `level`, which is no server, and `relaxed`, which is only measured where durability counts. */
const SERVERS: readonly TargetName[] = [
  'bare',
  'dynalite',
  'dynamodb-local',
  'dynoxide',
  'tidemark',
];

/** The input of `Scan` for a page of as much as DynamoDB gives at once: 1 MB. */
export const scanPage = (TableName: string, ExclusiveStartKey?: object): object => ({
  TableName,
  ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
});

/** Where a workload is measured. */
export const targetsOf = ({ targets = SERVERS }: Workload): readonly TargetName[] => targets;

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'GetItem',
    itemsPerRequest: 1,
    requests: () =>
      times(ITEM_COUNT, (at) =>
        rawRequest('GetItem', { TableName: ITEMS_TABLE, Key: itemKey(at) }),
      ),
  },
  {
    name: 'PutItem',
    itemsPerRequest: 1,
    targets: [...SERVERS, 'relaxed'],
    requests: () =>
      times(ITEM_COUNT, (at) => rawRequest('PutItem', { TableName: ITEMS_TABLE, Item: item(at) })),
  },
  {
    name: 'streamed PutItem',
    itemsPerRequest: 1,
    requests: () =>
      times(ITEM_COUNT, (at) =>
        rawRequest('PutItem', { TableName: STREAMED_TABLE, Item: item(at) }),
      ),
  },
  {
    name: 'UpdateItem',
    itemsPerRequest: 1,
    requests: () => times(ITEM_COUNT, (at) => rawRequest('UpdateItem', counterUpdate(at))),
  },
  {
    name: 'hot UpdateItem',
    itemsPerRequest: 1,
    requests: () => [rawRequest('UpdateItem', counterUpdate(HOT_ITEM))],
  },
  {
    name: 'Query',
    itemsPerRequest: QUERY_LIMIT,
    requests: () => times(QUERY_REQUESTS, (at) => rawRequest('Query', tenLines(at))),
  },
  {
    name: 'Scan',
    itemsPerRequest: ITEM_COUNT / 4,
    targets: ['level', 'dynalite', 'dynamodb-local', 'dynoxide', 'tidemark'],
    connections: [1],
    scans: ITEMS_TABLE,
    requests: () => [rawRequest('Scan', scanPage(ITEMS_TABLE))],
  },
  {
    name: 'BatchWriteItem',
    itemsPerRequest: BATCH_ITEMS,
    requests: () =>
      times(BATCH_REQUESTS, (at) =>
        rawRequest('BatchWriteItem', {
          RequestItems: {
            [ITEMS_TABLE]: times(BATCH_ITEMS, (n) => put(item(at * BATCH_ITEMS + n))),
          },
        }),
      ),
  },
  {
    // Without a token, which would have to be another one each time.
    name: 'TransactWriteItems',
    itemsPerRequest: TRANSACTION_ITEMS,
    targets: ['bare', 'dynamodb-local', 'dynoxide', 'tidemark'],
    requests: () =>
      times(ITEM_COUNT / TRANSACTION_ITEMS, (at) =>
        rawRequest('TransactWriteItems', {
          TransactItems: times(TRANSACTION_ITEMS, (n) => ({
            Put: { TableName: ITEMS_TABLE, Item: item(at * TRANSACTION_ITEMS + n) },
          })),
        }),
      ),
  },
];

/** A deletion needs an item: of two requests that follow each other one puts an item and one deletes it, or another. */
export const DELETE_WORKLOAD: Workload = {
  name: 'Put and DeleteItem',
  itemsPerRequest: 1,
  requests: () =>
    times(2 * ITEM_COUNT, (at) => {
      const place = Math.floor(at / 2);
      return at % 2 === 0
        ? rawRequest('PutItem', { TableName: ITEMS_TABLE, Item: item(place) })
        : rawRequest('DeleteItem', { TableName: ITEMS_TABLE, Key: itemKey(place) });
    }),
};

const putsOfSharedItems = (TableName: string): readonly Buffer[] =>
  times(ITEM_COUNT, (at) => rawRequest('PutItem', { TableName, Item: sharedItem(at) }));

/** For the table that two regions share, and one beside it that they do not. */
export const SHARED_WORKLOADS = {
  put: {
    name: 'shared PutItem',
    itemsPerRequest: 1,
    requests: () => putsOfSharedItems(SHARED_TABLE),
  },
  regionalPut: {
    name: 'regional PutItem',
    itemsPerRequest: 1,
    requests: () => putsOfSharedItems(REGIONAL_TABLE),
  },
  batch: {
    name: 'shared BatchWriteItem',
    itemsPerRequest: BATCH_ITEMS,
    requests: () =>
      times(SHARED_BATCH_REQUESTS, (at) =>
        rawRequest('BatchWriteItem', {
          RequestItems: {
            [SHARED_TABLE]: times(BATCH_ITEMS, (n) => put(sharedItem(at * BATCH_ITEMS + n))),
          },
        }),
      ),
  },
} as const satisfies Readonly<Record<string, Workload>>;

/** Throws for an unknown name. */
export function workloadNamed(name: string): Workload {
  const workload = [
    ...WORKLOADS,
    ...Object.values(SHARED_WORKLOADS),
    ...Object.values(BACKGROUND_WORKLOADS),
    ...Object.values(GROWN_WORKLOADS),
    DELETE_WORKLOAD,
  ].find((known) => known.name === name);
  if (workload === undefined) throw new RangeError(`no workload ${name}`);
  return workload;
}

/** The inputs of `CreateTable` for what the workloads expect. */
export const TABLES = [
  {
    TableName: ITEMS_TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  },
  {
    TableName: STREAMED_TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    // Dynalite knows no streams and passes over it.
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  },
  {
    TableName: LINES_TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'order', AttributeType: 'S' },
      { AttributeName: 'line', AttributeType: 'N' },
    ],
    KeySchema: [
      { AttributeName: 'order', KeyType: 'HASH' },
      { AttributeName: 'line', KeyType: 'RANGE' },
    ],
  },
] as const;

/** The input of `CreateTable` for what the shared workloads expect. */
export const SHARED = { ...TABLES[0], TableName: SHARED_TABLE } as const;
export const REGIONAL = { ...TABLES[0], TableName: REGIONAL_TABLE } as const;

/** The input of `CreateTable` for what the background of a measurement needs. */
export const BALLAST = { ...TABLES[0], TableName: BALLAST_TABLE } as const;

/** What runs in the background of a measurement. */
export const BACKGROUND_WORKLOADS = {
  scan: {
    name: 'background Scan',
    itemsPerRequest: BALLAST_ITEMS,
    scans: BALLAST_TABLE,
    requests: () => [rawRequest('Scan', scanPage(BALLAST_TABLE))],
  },
  write: {
    name: 'background BatchWriteItem',
    itemsPerRequest: BATCH_ITEMS,
    requests: () => [...ballastBatches()].map((batch) => rawRequest('BatchWriteItem', batch)),
  },
} as const satisfies Readonly<Record<string, Workload>>;

/** The inputs of `BatchWriteItem` that fill the ballast. */
export function* ballastBatches(): Generator<FillBatch> {
  for (let at = 0; at < BALLAST_ITEMS; at += BATCH_ITEMS)
    yield { RequestItems: { [BALLAST_TABLE]: times(BATCH_ITEMS, (n) => put(sharedItem(at + n))) } };
}

/** The input of `CreateTable` for what expires, and of `UpdateTimeToLive`. */
export const EXPIRING = { ...TABLES[0], TableName: EXPIRING_TABLE } as const;
export const TIME_TO_LIVE = {
  TableName: EXPIRING_TABLE,
  TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' },
} as const;

/** The inputs of `BatchWriteItem` that fill the table with what ends at that second. */
export function* expiringBatches(untilS: number): Generator<FillBatch> {
  for (let at = 0; at < EXPIRING_COUNT; at += BATCH_ITEMS) {
    const items = times(BATCH_ITEMS, (n) =>
      put({ ...padded(itemKey(at + n)), ttl: { N: String(untilS) } }),
    );
    yield { RequestItems: { [EXPIRING_TABLE]: items } };
  }
}

/** The inputs of `BatchWriteItem` that fill the tables. */
export function* fillBatches(): Generator<FillBatch> {
  const all = [
    ...times(ITEM_COUNT, (at) => ({ table: ITEMS_TABLE, put: put(item(at)) })),
    ...times(ITEM_COUNT, (at) => ({ table: STREAMED_TABLE, put: put(item(at)) })),
    ...times(ORDER_COUNT * LINES_PER_ORDER, (at) => ({ table: LINES_TABLE, put: put(line(at)) })),
  ];
  for (let at = 0; at < all.length; at += BATCH_ITEMS) {
    const batch = all.slice(at, at + BATCH_ITEMS);
    yield {
      RequestItems: Object.fromEntries(
        [ITEMS_TABLE, STREAMED_TABLE, LINES_TABLE]
          .map((table) => [table, batch.filter((one) => one.table === table).map((one) => one.put)])
          .filter(([, puts = []]) => puts.length > 0),
      ),
    };
  }
}

const put = (Item: WireItem): object => ({ PutRequest: { Item } });

const itemKey = (at: number): WireItem => ({ id: { S: `item-${String(at).padStart(8, '0')}` } });

export const item = (at: number): WireItem => padded({ ...itemKey(at), counter: { N: '0' } });

function sharedItem(at: number): WireItem {
  return unlike(padded({ ...itemKey(at), counter: { N: '0' } }), at);
}

const line = (at: number): WireItem =>
  padded({
    order: { S: orderName(Math.floor(at / LINES_PER_ORDER)) },
    line: { N: String(at % LINES_PER_ORDER) },
  });

const orderName = (at: number): string => `order-${String(at % ORDER_COUNT).padStart(4, '0')}`;

const counterUpdate = (at: number): object => ({
  TableName: ITEMS_TABLE,
  Key: itemKey(at),
  UpdateExpression: 'ADD #counter :one',
  ExpressionAttributeNames: { '#counter': 'counter' },
  ExpressionAttributeValues: { ':one': { N: '1' } },
});

/** Ten lines from the middle of an order. */
const tenLines = (at: number): object => ({
  TableName: LINES_TABLE,
  KeyConditionExpression: '#order = :order AND #line >= :first',
  ExpressionAttributeNames: { '#order': 'order', '#line': 'line' },
  ExpressionAttributeValues: {
    ':order': { S: orderName(at) },
    ':first': { N: String((at * 7) % (LINES_PER_ORDER - QUERY_LIMIT)) },
  },
  Limit: QUERY_LIMIT,
});
