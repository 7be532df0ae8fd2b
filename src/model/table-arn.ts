/** Amazon resource names of tables: `arn:aws:dynamodb:us-east-1:000000000000:table/Music`. */
export interface TableArn {
  readonly region: string;
  readonly accountId: string;
  readonly tableName: string;
}

/** The parts of any Amazon resource name. */
export interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  /** All behind the account, colons and slashes included. */
  readonly resource: string;
}

/** The partition of every region here. */
export const ARN_PARTITION = 'aws';
export const ARN_SERVICE = 'dynamodb';

export const formatTableArn = ({ region, accountId, tableName }: TableArn): string =>
  `arn:${ARN_PARTITION}:${ARN_SERVICE}:${region}:${accountId}:table/${tableName}`;

const PATTERN = /^arn:([^:]*):([^:]*):([^:]*):([^:]*):(.+)$/s;

/** The parts of an ARN, some of them possibly empty, or undefined for what has not so many. */
export function parseArn(text: string): Arn | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, partition = '', service = '', region = '', accountId = '', resource = ''] = match;
  return { partition, service, region, accountId, resource };
}

const TABLE_RESOURCE = /^table\/([a-zA-Z0-9_.-]{3,255})(?:\/(index|stream)\/([^/]+))?$/;

/** What an ARN's resource names: a table, or what is of it. */
export interface TableResource {
  readonly tableName: string;
  readonly of: 'table' | 'index' | 'stream';
  /** The index's name or the stream's label; empty of the table itself. */
  readonly label: string;
}

/** The resource of an ARN as DynamoDB's, or undefined for any other, backups, exports and imports included. */
export function parseTableResource(resource: string): TableResource | undefined {
  const match = TABLE_RESOURCE.exec(resource);
  if (match === null) return undefined;
  const [, tableName = '', part, label = ''] = match;
  return { tableName, of: part === 'index' || part === 'stream' ? part : 'table', label };
}

/** Whether DynamoDB takes a `TableName` for an ARN rather than for a name. */
export const isArn = (text: string): boolean => text.startsWith('arn:');
