/** The table `Music`, and changes of it, each of one kind. */
export const onDemand = {
  TableName: 'Music',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
};

export const units = (read: number, write = read): object => ({
  ReadCapacityUnits: read,
  WriteCapacityUnits: write,
});

export const STREAM = { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } };
export const SSE = { SSESpecification: { Enabled: true } };
export const WARM = { WarmThroughput: { ReadUnitsPerSecond: 13_000 } };
export const BOUND = { OnDemandThroughput: { MaxReadRequestUnits: 10 } };
export const CLASS = { TableClass: 'STANDARD_INFREQUENT_ACCESS' };
export const MODE = { BillingMode: 'PAY_PER_REQUEST' };

export const newIndex = (IndexName: string, changes: object = {}): object => ({
  Create: {
    IndexName,
    KeySchema: [{ AttributeName: 'x', KeyType: 'HASH' }],
    Projection: { ProjectionType: 'ALL' },
    ...changes,
  },
});

export const withIndexes = (...updates: readonly object[]): object => ({
  AttributeDefinitions: [{ AttributeName: 'x', AttributeType: 'S' }],
  GlobalSecondaryIndexUpdates: updates,
});

/** How the message of a request begins whose values do not go together. */
export const INVALID = 'One or more parameter values were invalid: ';
